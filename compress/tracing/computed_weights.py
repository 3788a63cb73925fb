"""Convolutions whose own forward computes their weights from their parameters, as weight standardisation does.

Only their output filters can be pruned: dropping an input channel would change the weights of the others.
"""

import numpy as np
from torch import Tensor, nn

from compress.tracing.channel_sets import Labels
from compress.tracing.layer_rules import Ledger
from compress.tracing.layers import Convolution, channel_axis, has_own_forward, is_transposed
from compress.tracing.operator_call import Call, Channels


class ComputedWeights:
    """Gives labels to such a layer's parameters, which are followed to the convolution."""

    def __init__(self, layers: dict[str, nn.Module], ledger: Ledger) -> None:
        self._layers = {name: layer for name, layer in layers.items() if _has_one_row_a_filter(layer)}
        self._ledger = ledger
        self._labels: dict[str, Labels] = {}
        self._used: dict[str, str] = {}
        self._done: set[str] = set()

    def begin(self, name: str) -> list[tuple[Tensor, Channels]]:
        """Where a layer begins: the channels of its parameters and buffers."""
        layer = self._layers.get(name)
        if not isinstance(layer, Convolution):
            return []
        if name not in self._labels:
            self._labels[name] = self._ledger.sets.new(layer.out_channels)
        return [(tensor, Channels(0, self._labels[name])) for tensor in _own_tensors(layer)]

    def computes(self, name: str, reason: str) -> bool:
        """Whether a layer may use its tensors by themselves; ``reason``: why not to cut it, if they lead nowhere."""
        if name in self._layers:
            self._used.setdefault(name, reason)
        return name in self._layers

    def is_convolution(self, name: str, call: Call) -> bool:
        """Whether a call in a layer's forward is its convolution, with weights of one filter a row."""
        if name not in self._used or call.operator != "convolution":
            return False
        weight = call.channels_of(call.arguments["weight"])
        return weight is not None and weight.axis == 0

    def convolve(self, name: str, call: Call) -> Channels:
        """The rule for that call."""
        layer, weight, bias = self._layers[name], call.arguments["weight"], call.arguments["bias"]
        labels = call.channels_of(weight).labels  # type: ignore[union-attr]
        if bias is not None:
            added = call.channels_of(bias)
            added_labels = np.zeros_like(labels) if added is None else added.labels
            call.sets.tie(labels, added_labels, f"{name} adds something of fixed width to it")
        call.keep(call.channels, "weights are computed from others")
        self._done.add(name)
        return Channels(channel_axis(layer, call.rank), self._ledger.make(name, layer, labels))

    def finish(self) -> dict[str, str]:
        """Layers that used their tensors for something else -> why they are not cut."""
        wrong = {
            name: reason for name, reason in self._used.items() if name not in self._done or name in self._ledger.reads
        }
        for name, reason in wrong.items():
            self._ledger.sets.keep(self._labels[name], f"{name}: {reason}")
        return wrong


def _has_one_row_a_filter(layer: nn.Module) -> bool:
    """Whether all of a convolution's own tensors have one row for every output channel."""
    if not isinstance(layer, Convolution) or is_transposed(layer) or not has_own_forward(layer):
        return False
    return all(tensor.dim() == 0 or len(tensor) == layer.out_channels for tensor in _own_tensors(layer, all_of=True))


def _own_tensors(layer: nn.Module, *, all_of: bool = False) -> list[Tensor]:
    own = (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
    return [tensor for tensor in own if all_of or tensor.dim()]
