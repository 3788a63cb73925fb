"""Budgets, and the repair that brings any state within a budget, in aligned channel counts.

Axes: P states, U units, G groups, S the largest group.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from compress.channels.costs import Cost, CostModel, build_cost_model
from compress.channels.counts import Counts, all_shapes, allowed_counts, finer_than
from compress.channels.latency import FINEST_STEP
from compress.channels.out_of_reach import what_holds
from compress.channels.units import UnitMap
from compress.errors import UsageError

SLACK = 0.01
"""Filling up stops once a state is within this share of its limit."""

NEAR = 0.02
"""A state within this share of its limit meets it."""


@dataclass(frozen=True)
class Budget:
    """Shares of the whole network's MACs, parameters and milliseconds a state may keep; ``None`` does not limit.

    ``latency`` needs a model with a latency model.
    """

    macs: float | None = None
    parameters: float | None = None
    latency: float | None = None

    def shares(self, model: CostModel) -> Tensor:
        """The shares asked for: float64 M, infinite where none is."""
        asked = [self.macs, self.parameters, *([] if model.latency is None else [self.latency])]
        assert self.latency is None or model.latency is not None
        return torch.tensor([share or math.inf for share in asked], dtype=torch.float64)

    def limits(self, model: CostModel, *, progress: float = 1.0) -> Tensor:
        """Limits M, shrinking from the whole network (``progress`` 0) to the budget (1)."""
        shares = self.shares(model)
        return model.full_M * torch.where(shares.isfinite(), 1.0 - progress * (1.0 - shares), shares)


@dataclass(frozen=True)
class Prunable:
    """What there is to prune in a network, what it costs, and what every method may keep of it."""

    units: UnitMap
    model: CostModel
    counts: Counts
    budget: Budget

    @classmethod
    def measure(
        cls, network: nn.Module, units: UnitMap, example: Tensor, *, align: int, budget: Budget, finer: bool = False
    ) -> "Prunable":
        """The units of a network with their costs, measured on one image of (B, C, H, W).

        ``finer``: see ``with_finer_counts``.
        """
        model = build_cost_model(network, units, example)
        prunable = cls(units, model, allowed_counts(units, align), budget)
        return prunable.with_finer_counts(align) if finer else prunable

    def with_finer_counts(self, align: int) -> "Prunable":
        """The same in multiples of ``align`` if that reaches the budget; else of the largest power of two that does.

        Groups narrower than two blocks get the smaller multiples first, then all; the same if none reaches it.
        """
        for smaller in (align, *finer_than(align)):
            narrow = [smaller if group.width < 2 * align else align for group in self.units.groups]
            for aligns in (narrow, [smaller] * len(narrow)):
                finer = replace(self, counts=allowed_counts(self.units, aligns))
                if finer.reaches():
                    return finer
        return replace(self, counts=allowed_counts(self.units, align))

    def with_fast_counts(self) -> "Prunable":
        """The same in steps that the latency model is fast at; in smaller ones if the budget is out of reach in these.

        The fast ones if none reaches it.
        """
        model = self.model
        assert model.latency is not None
        fast = model.latency.fast_steps(self.units.groups, model.inputs_LG, model.outputs_LG)
        for widest in [step for step in finer_than(2 * max(fast)) if step >= FINEST_STEP]:
            finer = replace(self, counts=allowed_counts(self.units, [min(step, widest) for step in fast]))
            if finer.reaches():
                return finer
        return replace(self, counts=allowed_counts(self.units, fast))

    @property
    def original_ms(self) -> float:
        """Milliseconds that speed-ups are against: those of the whole network, unless the latency model says others."""
        assert self.model.latency is not None
        stated = self.model.latency.original_ms
        return float(self.model.full_M[2]) if stated is None else stated

    def cost(self, keep_U: Tensor) -> Cost:
        """What a state, bool (U,), costs."""
        return self.model.cost(self.units.counts(keep_U.unsqueeze(0))[0])

    def unit_costs(self, keep_U: Tensor) -> Tensor:
        """What one more unit of each group costs in a state, bool (U,): float64 G, as shares of the budget's measures.

        A measure without a limit does not count; with several limits a unit costs their sum.
        """
        more_GM = self.model.unit_costs(self.units.counts(keep_U.unsqueeze(0))[0])
        limited_M = self.budget.limits(self.model).isfinite()
        return (more_GM / self.model.full_M)[:, limited_M].sum(1).clamp(min=1e-12)

    def multiples(self, align: int) -> Mapping[str, int]:
        """Groups whose counts go in other steps than ``align`` gives them: root -> channels in a step."""
        usual = allowed_counts(self.units, align).step
        rows = zip(self.units.groups, self.counts.step.tolist(), usual.tolist(), strict=True)
        return {group.root: step * group.tied for group, step, other in rows if step != other}

    def reaches(self) -> bool:
        """Whether the smallest allowed state is within the budget."""
        least = self.model.costs(self.counts.smallest.unsqueeze(0))[0]
        return bool((least <= self.budget.limits(self.model)).all())

    def check_reachable(self) -> None:
        """UsageError if the smallest allowed state is over the budget: what would reach it, or what holds the rest."""
        least, full = self.model.costs(self.counts.smallest.unsqueeze(0))[0], self.model.full_M
        limits = self.budget.limits(self.model)
        for place, (low, limit, whole) in enumerate(zip(least.tolist(), limits.tolist(), full.tolist(), strict=True)):
            if low > limit:
                compared = self.original_ms if place == 2 else whole
                raise UsageError(f"{_out_of_reach(place, low, limit, compared)}{self._advice(place, low / whole)}")

    def flag(self, measure: int, share: float, *, digits: int = 2) -> str:
        """The flag that asks for at least this share of the whole network's MACs, parameters or milliseconds."""
        if measure == 2:
            share *= float(self.model.full_M[2]) / self.original_ms
        return budget_flag(measure, share, digits=digits)

    def _advice(self, place: int, share: float) -> str:
        more = f"try {self.flag(place, share)}"
        block = max(step * group.tied for group, step in zip(self.units.groups, self.counts.step.tolist(), strict=True))
        for smaller in finer_than(block):
            if replace(self, counts=allowed_counts(self.units, smaller)).reaches():
                return f" in multiples of {block} channels; {more}, or --align {smaller}"
        held = what_holds(self.units, self.model, self.counts.smallest, place)
        return f", at any --align; {more}. What stays: {held}"

    def repair(self, keys_PU: Tensor, *, progress: float = 1.0) -> Tensor:
        """Bring states to the budget: keep the units of highest key, in allowed counts, within the limits.

        Given the priority of every unit in every state, float (P, U); returns states, bool (P, U). Bisection finds the
        lowest common threshold on the keys with aligned counts within the limits; the rest of the budget is filled
        block by block. A network with few groups and wide steps may still be far below: then the nearest shape is used.
        """
        within = torch.cat([torch.arange(group.size) for group in self.units.groups])
        places = (slice(None), self.units.group_of_unit, within)
        padded_PGS = keys_PU.new_full((len(keys_PU), len(self.units.groups), int(within.max()) + 1), -torch.inf)
        padded_PGS[places] = keys_PU
        sorted_PGS, order_PGS = padded_PGS.sort(dim=-1, descending=True, stable=True)
        limited = _Limited(self.model, self.counts, self.budget.limits(self.model, progress=progress))
        counts_PG = limited.nearest(limited.fill(limited.bisect(sorted_PGS), sorted_PGS))
        keep_PGS = order_PGS.argsort(-1) < counts_PG.unsqueeze(-1)
        return keep_PGS[places]


def budget_flag(measure: int, share: float, *, digits: int = 2) -> str:
    """The flag that asks for at least this share of the original's MACs, parameters or milliseconds."""
    scale = 10**digits
    if measure == 2:
        return f"--target-speedup {math.floor(scale / share) / scale:g}"
    return f"{('--keep-macs', '--keep-params')[measure]} {math.ceil(scale * share) / scale:g}"


def _out_of_reach(measure: int, low: float, limit: float, whole: float) -> str:
    if measure == 2:
        return (
            f"cannot reach {limit:.3g} ms a call, {whole / limit:.2f}x as fast as the original: the smallest "
            f"network takes {low:.3g} ms, {whole / low:.2f}x as fast"
        )
    name = ("MACs", "parameters")[measure]
    return f"cannot keep only {limit / whole:.1%} of the {name}: the smallest network keeps {low / whole:.1%}"


@dataclass(frozen=True)
class _Limited:
    """Allowed counts within limits M on the costs."""

    model: CostModel
    counts: Counts
    limits: Tensor

    def fits(self, counts_PG: Tensor) -> Tensor:
        """States within the limits: bool P."""
        return (self.model.costs(counts_PG) <= self.limits).all(-1)

    def bisect(self, sorted_PGS: Tensor) -> Tensor:
        """Counts (P, G) for the lowest common threshold on the keys that fits."""
        finite = sorted_PGS[sorted_PGS.isfinite()]
        low = torch.full((len(sorted_PGS),), float(finite.min()) - 1.0, dtype=sorted_PGS.dtype)
        high = torch.full_like(low, float(finite.max()) + 1.0)
        rising_PGS = -sorted_PGS

        def at(threshold_P: Tensor) -> Tensor:
            limit_PG1 = -threshold_P[:, None, None].expand(-1, rising_PGS.shape[1], 1)
            return self.counts.round(torch.searchsorted(rising_PGS, limit_PG1.contiguous()).squeeze(-1))

        everything = self.fits(at(low))
        for _ in range(24):
            middle = (low + high) / 2
            fits = self.fits(at(middle))
            high = torch.where(fits, middle, high)
            low = torch.where(fits, low, middle)
        return torch.where(everything.unsqueeze(-1), self.counts.largest, at(high))

    def fill(self, counts_PG: Tensor, sorted_PGS: Tensor) -> Tensor:
        """Add one block at a time, the one with the highest key that fits, until close to a limit."""
        states, groups = counts_PG.shape
        step, largest = self.counts.step, self.counts.largest
        for _ in range(2 * groups):
            more_PGG = counts_PG.unsqueeze(1) + torch.diag(step)
            fits_PG = self.fits(more_PGG.reshape(-1, groups)).reshape(states, groups) & (counts_PG + step <= largest)
            near_P = (self.model.costs(counts_PG) >= self.limits * (1 - SLACK)).any(-1)
            fits_PG &= ~near_P.unsqueeze(-1)
            if not fits_PG.any():
                break
            next_key_PG = sorted_PGS.gather(-1, counts_PG.clamp(max=sorted_PGS.shape[-1] - 1).unsqueeze(-1)).squeeze(-1)
            best_P = torch.where(fits_PG, next_key_PG, -torch.inf).argmax(-1)
            counts_PG = counts_PG + (nn.functional.one_hot(best_P, groups).bool() & fits_PG) * step
        return counts_PG

    def nearest(self, counts_PG: Tensor) -> Tensor:
        """Replace states far below their limits by the nearest shape, counted in blocks, near them; or the largest.

        Adding blocks gets stuck if a block of one group has to go before another's fits.
        """
        used_P = (self.model.costs(counts_PG) / self.limits).amax(-1)
        shapes_SG = None if (used_P >= 1 - NEAR).all() else all_shapes(self.counts)
        if shapes_SG is None:
            return counts_PG
        used_S = torch.where(self.fits(shapes_SG), (self.model.costs(shapes_SG) / self.limits).amax(-1), 0.0)
        enough = used_S.max().clamp(max=1 - NEAR)
        good_SG, used_S = shapes_SG[used_S >= enough], used_S[used_S >= enough]
        blocks_PS = ((good_SG - counts_PG.unsqueeze(1)).abs() // self.counts.step).sum(-1)
        chosen_P = (blocks_PS - used_S).argmin(-1)  # of those equally far the largest
        return torch.where((used_P < enough).unsqueeze(-1), good_SG[chosen_P], counts_PG)
