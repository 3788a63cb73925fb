"""Compare the masked and the smaller network layer by layer: kept channels need the same input in both.

The logits alone can hide a fault: behind a softmax, or a layer that starts at zero. Therefore every layer of the
smaller network runs on the masked network's input. The code between two layers is then checked by itself, and one
comparison finds every fault, with the units it affects.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.masks import masked
from compress.channels.units import UnitMap
from compress.errors import CheckFailedError
from compress.structure.remove import logits_of
from compress.tracing.layers import Convolution, PerChannel, channel_axis, is_depthwise, widths

SAME = 1e-4
"""Largest difference of a layer's inputs, as a share of the largest value; float32 rounds to about 1e-6 per layer."""


@dataclass(frozen=True)
class Fault:
    """A difference between the two networks.

    Attributes:
        reason: what differs, and by how much.
        units: the units it affects; empty if unknown.
    """

    reason: str
    units: tuple[int, ...] = ()


def compare_layers(
    network: nn.Module, smaller: nn.Module, units: UnitMap, keep_U: Tensor, images: Tensor
) -> list[Fault]:
    """Find differences between the layer inputs and logits of the masked and the smaller network.

    Args:
        network: the whole network.
        smaller: the network after the cut.
        units: the units of the whole network.
        keep_U: the state of the cut, bool U.
        images: (B, C, H, W).

    Raises:
        CheckFailedError: one of them does not run, or they call different layers.
    """
    places = _kept_inputs(network, units, keep_U)
    given: dict[str, deque[Tensor]] = {}
    faults: list[Fault] = []

    def record(name: str, layer: nn.Module, value: Tensor) -> Tensor:
        channels = places[name][0].to(value.device) if name in places else None
        kept = value.clone() if channels is None else value.index_select(channel_axis(layer, value.dim()), channels)
        given.setdefault(name, deque()).append(kept)
        return value

    def check(name: str, layer: nn.Module, value: Tensor) -> Tensor:
        if not given.get(name):
            raise CheckFailedError(f"the smaller network calls {name} more often")
        expected = given[name].popleft()
        reads = places[name][1] if name in places else None
        faults.extend(_differing(f"{name} is given", value, expected, channel_axis(layer, expected.dim()), reads))
        return expected

    with masked(network, units, keep_U.to(images)), _before_layers(network, record):
        expected = logits_of(network, images)
    with _before_layers(smaller, check):
        logits = logits_of(smaller, images)
    missing = [name for name, values in given.items() if values]
    if missing:
        raise CheckFailedError(f"the smaller network does not call {missing[0]}")
    return faults + _differing("the output has", logits, expected, 1, None)


def _kept_inputs(network: nn.Module, units: UnitMap, keep_U: Tensor) -> Mapping[str, tuple[Tensor, Tensor]]:
    """Layer -> positions of its kept input channels, and their units; without layers that keep all."""
    keep = torch.cat([keep_U.bool().cpu(), torch.ones(1, dtype=torch.bool)])
    places = {}
    for name in {*units.reads, *units.carries}:
        layer, place = network.get_submodule(name), units.reads.get(name)
        if place is None and isinstance(layer, PerChannel):
            place = units.carries[name]
        elif place is None and is_depthwise(layer):  # several filters may act on every channel
            width_in, width_out = widths(layer)
            place = units.carries[name][:: width_out // width_in]
        if place is not None:
            places[name] = (keep[place].nonzero().flatten(), place[keep[place]])
    return places


@contextmanager
def _before_layers(network: nn.Module, see: Callable[[str, nn.Module, Tensor], Tensor]) -> Iterator[None]:
    """Replace the input of every layer that could be cut by what ``see`` returns for it."""

    def hook(name: str) -> Any:
        def before(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            return (see(name, layer, inputs[0]), *inputs[1:]) if inputs else inputs

        return before

    with ExitStack() as hooks:
        for name, layer in network.named_modules():
            if isinstance(layer, Convolution | nn.Linear | PerChannel):
                hooks.callback(layer.register_forward_pre_hook(hook(name)).remove)
        yield


def _differing(what: str, found: Tensor, expected: Tensor, axis: int, units: Tensor | None) -> list[Fault]:
    if found.shape != expected.shape:
        raise CheckFailedError(f"{what} {tuple(found.shape)} in the smaller network, expected {tuple(expected.shape)}")
    largest = float(expected.abs().max()) if expected.numel() else 0.0
    wrong = ~((found - expected).abs() <= SAME * largest)
    if not wrong.any():
        return []
    share = float((found - expected).abs().max()) / largest if largest else float("inf")
    reason = f"{what} other values in the smaller network, {share:.2%} off"
    if units is None:
        return [Fault(reason)]
    channels = wrong.movedim(axis, 0).flatten(1).any(1).cpu()
    return [Fault(reason, tuple(units[channels].unique().tolist()))]
