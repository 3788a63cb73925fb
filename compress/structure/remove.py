"""Remove dropped units from a network, and check the smaller network against the masked one."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.channels.masks import kept_entries, masked
from compress.channels.units import UnitMap, find_units
from compress.errors import CheckFailedError
from compress.structure.plan import PruningPlan, plan_from_state, state_from_plan
from compress.structure.shrink import shrink
from compress.tracing.forward_pass import evaluating, running
from compress.tracing.layers import Convolution, widths
from exporters.module_copy import copy_module

TOLERANCE, LARGE_LOGIT = 1e-4, 10.0
"""Largest allowed difference of logits between the masked and the smaller network (float32, eval mode); above
``LARGE_LOGIT`` it grows in proportion to the largest logit, as float32's rounding does."""

MIN_SPREAD_RATIO = 100
"""The check is conclusive only if logits vary between images by this factor more than the difference found."""


@dataclass(frozen=True)
class LayerChange:
    """Channels of one layer before and after the cut."""

    name: str
    kind: str
    in_before: int
    in_after: int
    out_before: int
    out_after: int


@dataclass(frozen=True)
class RemovalResult:
    """A smaller network, its plan, and the largest difference of its logits from the masked network's.

    ``conclusive`` is False where the logits hardly depend on the image: their equality then proves little.
    """

    network: nn.Module
    plan: PruningPlan
    layers: tuple[LayerChange, ...]
    images: int
    max_abs_difference: float
    tolerance: float
    conclusive: bool


def cut(network: nn.Module, plan: PruningPlan, example: Tensor) -> nn.Module:
    """A smaller copy of the whole network that a plan was made for; ``example`` is a batch of images (B, C, H, W).

    BadInputError if the plan does not fit the network, CheckFailedError if the cut one fails or gives no (B, K).
    """
    units = find_units(network, example)
    return _cut(network, units, state_from_plan(units, plan), example)


def _cut(network: nn.Module, units: UnitMap, keep_U: Tensor, example: Tensor) -> nn.Module:
    smaller = copy_module(network)
    shrink(smaller, units, keep_U)
    after, before = logits_of(smaller, example), logits_of(network, example)  # the one that may fail comes first
    if before.shape != after.shape:
        raise CheckFailedError(f"the cut changed the output from {tuple(before.shape)} to {tuple(after.shape)}")
    return smaller


def remove_units(network: nn.Module, units: UnitMap, keep_U: Tensor, images: Tensor) -> RemovalResult:
    """Remove the units that a state (bool U) drops from a copy, and check that it equals the masked network.

    CheckFailedError if a count differs from the plan, or the logits by more than ``TOLERANCE``.
    """
    smaller = _cut(network, units, keep_U, images[:2])
    layers = _checked_changes(network, smaller, units, keep_U)
    with masked(network, units, keep_U.to(images)):
        expected = logits_of(network, images)
    difference = float((expected - logits_of(smaller, images)).abs().max())
    largest = float(expected.abs().max())
    tolerance = TOLERANCE * max(1.0, largest / LARGE_LOGIT)
    if not difference <= tolerance:
        raise CheckFailedError(
            f"masked and smaller network differ by {difference:.2e} on {len(images)} images (allowed {tolerance:.0e}); "
            "its code may compare x.shape or compute with it, in a way that shows only at these widths; "
            "if it does not, please report this with the network's code"
        )
    conclusive = is_conclusive(spread_of(expected), difference, largest=largest)
    plan = plan_from_state(units, keep_U)
    return RemovalResult(smaller, plan, layers, len(images), difference, tolerance, conclusive)


@torch.no_grad()
def restore_full_network(smaller: nn.Module, network: nn.Module, units: UnitMap, plan: PruningPlan) -> nn.Module:
    """A copy of the whole network whose kept weights are those of the smaller one (the paper's "full" row)."""
    whole = copy_module(network)
    entries = kept_entries(network, units, state_from_plan(units, plan))
    tensors = dict(whole.named_parameters()) | dict(whole.named_buffers())  # each once, however many names it has
    for name, value in smaller.state_dict().items():
        if name in entries and name in tensors:
            tensors[name][entries[name].expand_as(tensors[name])] = value.flatten()
        elif name in tensors:
            tensors[name].copy_(value)
    return whole


def spread_of(logits: Tensor) -> float:
    """Largest range of a logit over the images, from logits (B, K)."""
    return float((logits.amax(0) - logits.amin(0)).max())


def is_conclusive(spread: float, difference: float, *, largest: float) -> bool:
    """True if logits vary by far more than two networks differ; float32 rounds in proportion to the largest logit."""
    return spread > MIN_SPREAD_RATIO * max(difference, torch.finfo(torch.float32).eps * largest)


def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, K) in eval mode; the network's mode is restored. CheckFailedError if it does not run."""
    with evaluating(network), torch.no_grad(), running("the network does not run after the cut"):
        return network(images)


def check_trains(network: nn.Module, images: Tensor) -> None:
    """Run a forward and a backward pass in training mode; gradients and BatchNorm statistics change.

    CheckFailedError if it fails, for example because a part that only runs in training was not cut.
    """
    if len(images) == 1:  # BatchNorm needs more than one value a channel
        images = images.repeat(2, 1, 1, 1)
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    with torch.random.fork_rng(), torch.enable_grad(), running("it cannot be trained after the cut"):
        functional.cross_entropy(network.train()(images), labels).backward()


def _checked_changes(before: nn.Module, after: nn.Module, units: UnitMap, keep_U: Tensor) -> tuple[LayerChange, ...]:
    """The widths of all layers before and after; CheckFailedError if the cut left others than planned."""
    reads, carries = units.kept_channels(keep_U)
    changes = []
    for name, layer in before.named_modules():
        if isinstance(layer, Convolution | nn.Linear):
            (in_before, out_before), (in_after, out_after) = widths(layer), widths(after.get_submodule(name))
            for kept, found in ((reads, in_after), (carries, out_after)):
                planned = int(kept[name].sum()) if name in kept else found
                if planned != found:
                    raise CheckFailedError(f"{name}: the plan keeps {planned} channels, the cut left {found}")
            changes.append(LayerChange(name, type(layer).__name__, in_before, in_after, out_before, out_after))
    return tuple(changes)
