"""Budgets, and the repair that brings any state within a budget, in aligned channel counts.

Axes: P states, U units, G groups, S the largest group.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.channels.costs import CostModel
from compress.channels.units import UnitMap
from compress.errors import UsageError

FLOOR = 0.1
"""No group keeps less than this share of its units: a starved layer cannot be repaired by training."""

SLACK = 0.01
"""Filling up stops once a state is within this share of its limit."""

NEAR = 0.02
"""A state within this share of its limit meets it."""

MOST_SHAPES = 20_000
"""Up to this many allowed shapes are all compared, which takes a few milliseconds."""


@dataclass(frozen=True)
class Budget:
    """Shares of the whole network's MACs and parameters a state may keep; ``None`` does not limit."""

    macs: float | None = None
    parameters: float | None = None

    def limits(self, model: CostModel, *, progress: float = 1.0) -> Tensor:
        """Limits (2,), shrinking from the whole network (``progress`` 0) to the budget (1)."""
        full = model.costs(model.sizes_G.unsqueeze(0))[0]
        shares = torch.tensor([self.macs or float("inf"), self.parameters or float("inf")], dtype=torch.float64)
        shares = torch.where(shares.isfinite(), 1.0 - progress * (1.0 - shares), shares)
        return full * shares


@dataclass(frozen=True)
class Counts:
    """The kept counts a group may have: ``smallest``, in steps of ``step``, up to ``largest`` (int64 G)."""

    smallest: Tensor
    step: Tensor
    largest: Tensor

    def round(self, counts_PG: Tensor) -> Tensor:
        """The nearest allowed counts."""
        stepped = (counts_PG + self.step // 2) // self.step * self.step
        return stepped.clamp(min=self.smallest, max=self.largest)


@dataclass(frozen=True)
class Prunable:
    """What there is to prune in a network, what it costs, and what every method may keep of it."""

    units: UnitMap
    model: CostModel
    counts: Counts
    budget: Budget

    def repair(self, keys_PU: Tensor, *, progress: float) -> Tensor:
        """States, bool (P, U), of highest keys within the budget at ``progress`` (1: the budget itself)."""
        limits = self.budget.limits(self.model, progress=progress)
        return repair(keys_PU, self.units, self.model, self.counts, limits)


def allowed_counts(units: UnitMap, align: int, *, floor: float = FLOOR) -> Counts:
    """Multiples of ``align`` channels per group, or the whole group where it is smaller than that."""
    smallest, steps, largest = [], [], []
    for group in units.groups:
        step = align // math.gcd(align, group.tied)
        step = min(step, group.size)
        least = -(-max(1, round(floor * group.size)) // step) * step
        most = group.size // step * step
        smallest.append(min(least, most))
        steps.append(step)
        largest.append(most)
    return Counts(torch.tensor(smallest), torch.tensor(steps), torch.tensor(largest))


def all_shapes(counts: Counts) -> Tensor | None:
    """Every allowed shape, int64 (S, G); ``None`` where they are more than ``MOST_SHAPES``."""
    choices = (counts.largest - counts.smallest) // counts.step + 1
    if choices.double().prod() > MOST_SHAPES:
        return None
    bounds = zip(counts.smallest.tolist(), counts.largest.tolist(), counts.step.tolist(), strict=True)
    axes = [torch.arange(least, most + 1, step) for least, most, step in bounds]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes))


def check_reachable(model: CostModel, counts: Counts, limits: Tensor) -> None:
    """Raise if even the smallest allowed state exceeds the limits.

    Raises:
        UsageError: it does; the message gives the smallest share that can be kept.
    """
    least = model.costs(counts.smallest.unsqueeze(0))[0]
    full = model.costs(model.sizes_G.unsqueeze(0))[0]
    for name, low, limit, whole in zip(("MACs", "parameters"), least, limits, full, strict=True):
        if low > limit:
            raise UsageError(
                f"cannot keep only {limit / whole:.1%} of the {name}: with this alignment and minimum per layer "
                f"the smallest network keeps {low / whole:.1%}; ask for more, or use a smaller --align"
            )


def repair(keys_PU: Tensor, units: UnitMap, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    """Bring states to a budget: keep the units of highest key, in allowed counts, within the limits.

    A common threshold on the keys decides how much each group keeps. Bisection finds the lowest
    threshold with aligned counts within the limits; the rest of the budget is filled block by block. A
    network with few groups and wide steps may still be far below; then ``_nearest`` applies.

    Args:
        keys_PU: the priority of every unit in every state, float.
        units: U units in G groups.
        model: costs of counts.
        counts: allowed counts per group.
        limits: (2,) from ``Budget.limits``.

    Returns:
        States, bool (P, U).
    """
    padded_PGS = _padded(keys_PU, units)
    sorted_PGS, order_PGS = padded_PGS.sort(dim=-1, descending=True, stable=True)
    counts_PG = _bisect(sorted_PGS, model, counts, limits)
    counts_PG = _fill(counts_PG, sorted_PGS, model, counts, limits)
    counts_PG = _nearest(counts_PG, model, counts, limits)
    rank_PGS = torch.empty_like(order_PGS)
    rank_PGS.scatter_(-1, order_PGS, torch.arange(order_PGS.shape[-1]).expand_as(order_PGS).contiguous())
    keep_PGS = rank_PGS < counts_PG.unsqueeze(-1)
    return keep_PGS[:, *_places(units)]


def _bisect(sorted_PGS: Tensor, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    finite = sorted_PGS[sorted_PGS.isfinite()]
    low = torch.full((len(sorted_PGS),), float(finite.min()) - 1.0, dtype=sorted_PGS.dtype)
    high = torch.full_like(low, float(finite.max()) + 1.0)

    def at(threshold_P: Tensor) -> Tensor:
        return counts.round((sorted_PGS > threshold_P[:, None, None]).sum(-1))

    everything = (model.costs(at(low)) <= limits).all(-1)
    for _ in range(24):
        middle = (low + high) / 2
        fits = (model.costs(at(middle)) <= limits).all(-1)
        high = torch.where(fits, middle, high)
        low = torch.where(fits, low, middle)
    return torch.where(everything.unsqueeze(-1), counts.largest, at(high))


def _fill(counts_PG: Tensor, sorted_PGS: Tensor, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    """Add one block at a time, the one with the highest key that fits, until close to a limit."""
    states, groups = counts_PG.shape
    steps = torch.diag(counts.step)
    for _ in range(2 * groups):
        more_PGG = counts_PG.unsqueeze(1) + steps
        costs = model.costs(more_PGG.reshape(-1, groups)).reshape(states, groups, 2)
        fits_PG = (costs <= limits).all(-1) & (counts_PG + counts.step <= counts.largest)
        near_P = (model.costs(counts_PG) >= limits * (1 - SLACK)).any(-1)
        fits_PG &= ~near_P.unsqueeze(-1)
        if not fits_PG.any():
            break
        next_key_PG = sorted_PGS.gather(-1, counts_PG.clamp(max=sorted_PGS.shape[-1] - 1).unsqueeze(-1)).squeeze(-1)
        best_P = torch.where(fits_PG, next_key_PG, -torch.inf).argmax(-1)
        grow_PG = nn.functional.one_hot(best_P, groups).bool() & fits_PG
        counts_PG = counts_PG + grow_PG * counts.step
    return counts_PG


def _nearest(counts_PG: Tensor, model: CostModel, counts: Counts, limits: Tensor) -> Tensor:
    """Replace states far below their limits by the nearest shape, counted in blocks, that is near the limits.

    Adding blocks gets stuck if a block of one group has to go before another's fits. If no shape
    is near the limits, the largest one within them is used.
    """
    used_P = (model.costs(counts_PG) / limits).amax(-1)
    shapes_SG = None if (used_P >= 1 - NEAR).all() else all_shapes(counts)
    if shapes_SG is None:
        return counts_PG
    costs_S2 = model.costs(shapes_SG)
    used_S = torch.where((costs_S2 <= limits).all(-1), (costs_S2 / limits).amax(-1), 0.0)
    enough = used_S.max().clamp(max=1 - NEAR)
    good_SG, used_S = shapes_SG[used_S >= enough], used_S[used_S >= enough]
    blocks_PS = ((good_SG - counts_PG.unsqueeze(1)).abs() // counts.step).sum(-1)
    chosen_P = (blocks_PS - used_S).argmin(-1)  # of those equally far the largest
    return torch.where((used_P < enough).unsqueeze(-1), good_SG[chosen_P], counts_PG)


def _places(units: UnitMap) -> tuple[Tensor, Tensor]:
    within = torch.cat([torch.arange(group.size) for group in units.groups])
    return units.group_of_unit, within


def _padded(keys_PU: Tensor, units: UnitMap) -> Tensor:
    widest = max(group.size for group in units.groups)
    padded = keys_PU.new_full((len(keys_PU), len(units.groups), widest), -torch.inf)
    padded[:, *_places(units)] = keys_PU
    return padded
