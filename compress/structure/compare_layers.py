"""Compare the masked and the smaller network layer by layer: kept channels need the same input in both.

The logits can hide a fault: behind a softmax, or a layer that starts at zero. Therefore every layer of the smaller
network runs on the masked network's input: one comparison finds the faults between any two layers, and their units.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from compress.channels.masks import masked
from compress.channels.units import UnitMap, with_fixed
from compress.errors import CheckFailedError
from compress.structure.remove import logits_of
from compress.tracing.forward_pass import watching_inputs
from compress.tracing.layers import Cuttable, PerChannel, channel_axis, is_depthwise, widths

SAME = 1e-4
"""Largest difference of a layer's inputs, as a share of the largest value; float32 rounds to about 1e-6 per layer."""


LAST = 8
"""Layers before an error whose units may be its cause."""


@dataclass(frozen=True)
class Fault:
    """What differs between the two networks, and the units it affects (empty if unknown).

    ``suspects``: where the smaller network does not run, the units that the last layers before the error carry and
    read, the nearest first; one of them may be the cause.
    """

    reason: str
    units: tuple[int, ...] = ()
    suspects: tuple[int, ...] = ()


def compare_layers(
    network: nn.Module, smaller: nn.Module, units: UnitMap, keep_U: Tensor, images: Tensor
) -> list[Fault]:
    """Find differences between the layer inputs and logits of the masked whole network and the smaller one.

    CheckFailedError if the masked one does not run.
    """
    keep = with_fixed(keep_U)
    units_read = _units_read(network, units)
    recorded: dict[str, deque[Tensor]] = defaultdict(deque)
    faults: list[Fault] = []
    called: list[str] = []

    def record(name: str, layer: nn.Module, value: Tensor) -> None:
        if name in units_read:
            kept = keep[units_read[name]].nonzero().flatten().to(value.device)
            value = value.index_select(channel_axis(layer, value.dim()), kept)
        recorded[name].append(value.clone())

    def check(name: str, layer: nn.Module, value: Tensor) -> Tensor:
        called.append(name)
        if not recorded[name]:
            raise CheckFailedError(f"the smaller network calls {name} more often")
        expected = recorded[name].popleft()
        kept = units_read[name][keep[units_read[name]]] if name in units_read else None
        faults.extend(_differing(f"{name} is given", value, expected, channel_axis(layer, expected.dim()), kept))
        return expected

    layers = [name for name, layer in network.named_modules() if isinstance(layer, Cuttable)]
    recording = watching_inputs(network, {name: partial(record, name) for name in layers})
    with masked(network, units, keep_U.to(images)), recording:
        expected = logits_of(network, images)
    try:
        with watching_inputs(smaller, {name: partial(check, name) for name in layers}):
            logits = logits_of(smaller, images)
    except CheckFailedError as error:
        return [*faults, Fault(str(error), suspects=suspects(units, called))]
    missing = [name for name, values in recorded.items() if values]
    if missing:
        reason = f"the smaller network does not call {missing[0]}"
        return [*faults, Fault(reason, suspects=suspects(units, [*called, missing[0]]))]
    return faults + _differing("the output has", logits, expected, 1, None)


def suspects(units: UnitMap, called: Sequence[str]) -> tuple[int, ...]:
    """Units that the last layers called before an error carry and read, the nearest first."""
    sides = [side[name] for name in called[: -LAST - 1 : -1] for side in (units.carries, units.reads) if name in side]
    found = dict.fromkeys(unit for side in sides for unit in side.unique().tolist())
    found.pop(units.total, None)
    return tuple(found)


def _units_read(network: nn.Module, units: UnitMap) -> Mapping[str, Tensor]:
    """Layer -> the unit of each of its input channels; without layers whose input no unit reaches."""
    found = dict(units.reads)
    for name in units.carries.keys() - found.keys():
        layer = network.get_submodule(name)
        if isinstance(layer, PerChannel) or is_depthwise(layer):
            width_in, width_out = widths(layer)
            found[name] = units.carries[name][:: width_out // width_in]  # several filters may act on every channel
    return found


def _differing(what: str, found: Tensor, expected: Tensor, axis: int, units: Tensor | None) -> list[Fault]:
    if found.shape != expected.shape:
        reason = f"{what} {tuple(found.shape)} in the smaller network, expected {tuple(expected.shape)}"
        return [Fault(reason, () if units is None else tuple(units.unique().tolist()))]
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
