"""Rules for layers: the channels they read, and those they make or carry on."""

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from compress.tracing.channel_sets import ChannelSets, Labels
from compress.tracing.layers import Convolution, Norm, PerChannel, channel_axis, is_depthwise, why_not_cut, widths
from compress.tracing.operator_call import Channels


@dataclass
class Ledger:
    """Labels of the input and output channels of every layer, by its name.

    If a layer is called again, the channels of the two calls are tied.
    """

    sets: ChannelSets
    reads: dict[str, Labels] = field(default_factory=dict)
    carries: dict[str, Labels] = field(default_factory=dict)
    makers: set[str] = field(default_factory=set)

    def read(self, name: str, labels: Labels) -> None:
        """Record channels that a layer multiplies with its weights."""
        self._enter(self.reads, name, labels)

    def carry(self, name: str, labels: Labels) -> Labels:
        """Record channels that a layer passes on, with a parameter for each."""
        return self._enter(self.carries, name, labels)

    def make(self, name: str, width: int) -> Labels:
        """Labels of the channels that a layer makes; a single channel is always there."""
        self.makers.add(name)
        if name not in self.carries:
            self.carries[name] = self.sets.new(width) if width > 1 else np.zeros(1, dtype=np.int64)
        return self.carries[name]

    def _enter(self, place: dict[str, Labels], name: str, labels: Labels) -> Labels:
        if name in place:
            self.sets.tie(place[name], labels, f"{name} is called again with something of fixed width")
        return place.setdefault(name, labels)


def through_layer(
    ledger: Ledger, name: str, layer: nn.Module, images: tuple[Tensor, Channels | None]
) -> Channels | None:
    """Follow channels through one call of a plain layer.

    Args:
        ledger: where the layer is recorded.
        name: the layer's name.
        layer: the layer.
        images: its input, and the channels of that.

    Returns:
        The channels of its output.
    """
    tensor, channels = images
    match layer:
        case nn.Linear():
            return _through_weights(ledger, name, layer, (channel_axis(layer, tensor.dim()), channels))
        case Convolution():
            axis = channel_axis(layer, tensor.dim())
            if channels and channels.axis > axis:
                ledger.sets.keep(ledger.sets.find(channels.labels), f"the convolution {name} runs along it")
                channels = None
            return _through_weights(ledger, name, layer, (axis, channels))
        case nn.PReLU() if layer.num_parameters == 1:
            return channels
        case _:
            return _through_per_channel(ledger, name, layer, (tensor, channels))


def _through_weights(ledger: Ledger, name: str, layer: nn.Module, side: tuple[int, Channels | None]) -> Channels | None:
    """A layer that multiplies along ``axis``."""
    axis, channels = side
    width_in, width_out = widths(layer)
    here = channels if channels and channels.axis == axis else None
    read = here.labels if here else np.zeros(width_in, dtype=np.int64)
    groups = getattr(layer, "groups", 1)
    if is_depthwise(layer):
        carried = ledger.carry(name, np.repeat(read, width_out // width_in))
    else:
        _tie_groups(ledger.sets, name, read, groups)
        ledger.read(name, read)
        carried = ledger.make(name, width_out)
        _tie_groups(ledger.sets, name, carried, groups)
    made = Channels(axis, carried) if carried.any() else None
    if channels and not here:  # each channel is a row for this layer, and rows count as fixed in its cost
        ledger.sets.keep(ledger.sets.find(channels.labels), f"{name} works across it")
    return made


def _tie_groups(sets: ChannelSets, name: str, labels: Labels, groups: int) -> None:
    """Tie the same positions of all groups of a grouped convolution."""
    rows = labels.reshape(groups, -1)
    for row in rows[1:]:
        sets.tie(rows[0], row, f"the grouped convolution {name} meets something of fixed width")


def _through_per_channel(
    ledger: Ledger, name: str, layer: nn.Module, side: tuple[Tensor, Channels | None]
) -> Channels | None:
    tensor, channels = side
    if channels is None:
        return None
    if channels.axis == 1:
        return Channels(1, ledger.carry(name, channels.labels))
    if isinstance(layer, Norm) and not isinstance(layer, nn.modules.batchnorm._BatchNorm):
        ledger.sets.keep(ledger.sets.find(channels.labels), f"{type(layer).__name__} {name} normalises over it")
    if tensor.dim() <= 1:
        return None
    return channels


def layers_to_cut(network: nn.Module) -> tuple[dict[nn.Module, str], dict[str, str]]:
    """Layers that can be cut -> name; and name -> reason for layers of these kinds that cannot."""
    plain: dict[nn.Module, str] = {}
    reasons: dict[str, str] = {}
    first_owner: dict[int, str] = {}
    for name, layer in network.named_modules():
        if not isinstance(layer, Convolution | nn.Linear | PerChannel):
            continue
        reason = why_not_cut(layer)
        if reason:
            reasons[name] = reason
            continue
        plain[layer] = name
        for parameter in layer.parameters(recurse=False):
            other = first_owner.setdefault(id(parameter), name)
            if other != name:
                reasons[name] = f"it shares its weights with {other}"
                reasons.setdefault(other, f"it shares its weights with {name}")
    return plain, reasons
