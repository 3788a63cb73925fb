"""Masked and smaller network compared layer by layer: each has to be given the same, on the channels that are kept.

A fault hides in what is cut elsewhere, behind a layer that starts at zero, under a softmax. So every layer of the
smaller network goes on with what the masked network's was given: whatever lies between two layers is judged by
itself, and all that is wrong is found at once, with the units it is wrong for.
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
"""What a layer is given may differ by this share of its largest value; from layer to layer float32 rounds to 1e-6."""


@dataclass(frozen=True)
class Fault:
    """Something that differs.

    Attributes:
        reason: what, and by how much.
        units: that it is wrong for; empty where that cannot be told.
    """

    reason: str
    units: tuple[int, ...] = ()


def compare_layers(
    network: nn.Module, smaller: nn.Module, units: UnitMap, keep_U: Tensor, images: Tensor
) -> list[Fault]:
    """What the layers of a smaller network are given otherwise than those of the masked one, and its logits.

    Args:
        network: the whole network.
        smaller: the same after the cut.
        units: its units.
        keep_U: the state it was cut by, bool U.
        images: (B, C, H, W).

    Raises:
        CheckFailedError: one of them does not run, or they call other layers.
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
    return faults + _differing("the output is", logits, expected, 1, None)


def _kept_inputs(network: nn.Module, units: UnitMap, keep_U: Tensor) -> Mapping[str, tuple[Tensor, Tensor]]:
    """Which input channels of a layer stay (positions), and their units; layers that read all are left out."""
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
    """Have ``see`` decide what every layer of the kinds that can be cut is given."""

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
