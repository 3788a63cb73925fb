"""Rules for layers: the channels they read, and those they make or carry on."""

import numpy as np
from torch import nn

from compress.tracing.channel_sets import ChannelSets, Labels
from compress.tracing.layers import BatchNorm, Norm, PerChannel, channel_axis, is_depthwise, widths
from compress.tracing.operator_call import Channels


class Ledger:
    """Labels of the input and output channels of every layer, by its name; those of all its calls are tied.

    ``reads``: channels that it multiplies with its weights. ``carries``: channels that it makes, or passes on with
    parameters for each. ``makers``: layers that make channels of their own.
    """

    def __init__(self, sets: ChannelSets) -> None:
        self.sets = sets
        self.reads: dict[str, Labels] = {}
        self.carries: dict[str, Labels] = {}
        self.makers: set[str] = set()

    def follow(self, name: str, layer: nn.Module, rank: int, channels: Channels | None) -> Channels | None:
        """Channels of a layer's output, given those of its input, which has ``rank`` dimensions."""
        if isinstance(layer, PerChannel):
            return self._follow_per_channel(name, layer, rank, channels)
        axis, (width_in, width_out) = channel_axis(layer, rank), widths(layer)
        if channels and channels.axis > axis:
            self.sets.keep(channels.labels, f"the convolution {name} runs along it")
            channels = None
        read = channels.labels if channels and channels.axis == axis else np.zeros(width_in, dtype=np.int64)
        if is_depthwise(layer):
            carried = self._record(self.carries, name, np.repeat(read, width_out // width_in))
        else:
            self._tie_groups(name, layer, read)
            self._record(self.reads, name, read)
            known = self.carries.get(name)
            carried = self.make(name, layer, self.sets.new(width_out) if known is None else known)
        if channels and channels.axis != axis:  # each channel is a row for this layer, and rows count as fixed
            self.sets.keep(channels.labels, f"{name} works across it")
        return Channels(axis, carried) if carried.any() else None

    def make(self, name: str, layer: nn.Module, labels: Labels) -> Labels:
        """Labels of the channels that a layer makes; a single channel is always there."""
        self.makers.add(name)
        made = self._record(self.carries, name, labels if len(labels) > 1 else np.zeros(1, dtype=np.int64))
        self._tie_groups(name, layer, made)
        return made

    def _follow_per_channel(self, name: str, layer: nn.Module, rank: int, channels: Channels | None) -> Channels | None:
        if channels is None or (isinstance(layer, nn.PReLU) and layer.num_parameters == 1):
            return channels
        if channels.axis == 1 and isinstance(layer, nn.GroupNorm):
            self._tie_normalised(name, layer, channels.labels)
        if channels.axis == 1:
            return Channels(1, self._record(self.carries, name, channels.labels))
        if isinstance(layer, Norm | nn.GroupNorm) and not isinstance(layer, BatchNorm):
            self.sets.keep(channels.labels, f"{type(layer).__name__} {name} normalises over it")
        return channels if rank > 1 else None

    def _tie_normalised(self, name: str, layer: nn.GroupNorm, labels: Labels) -> None:
        """A group of GroupNorm goes as a whole: the statistics of the others do not change."""
        if layer.num_groups == 1:
            self.sets.keep(labels, f"GroupNorm {name} normalises over it")
        first, *others = labels.reshape(layer.num_groups, -1).T
        for other in others:
            self.sets.tie(first, other, f"GroupNorm {name} normalises over it and something of fixed width")

    def _record(self, place: dict[str, Labels], name: str, labels: Labels) -> Labels:
        if name in place:
            self.sets.tie(place[name], labels, f"{name} is called again with something of fixed width")
        return place.setdefault(name, labels)

    def _tie_groups(self, name: str, layer: nn.Module, labels: Labels) -> None:
        """Tie the same positions of all groups of a grouped convolution."""
        first, *others = labels.reshape(getattr(layer, "groups", 1), -1)
        for row in others:
            self.sets.tie(first, row, f"the grouped convolution {name} meets something of fixed width")
