"""The share of the network that a budget keeps in allowed channel counts, and the alternatives if it is far below."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from compress.channels.budget import NEAR, Prunable
from compress.channels.counts import all_shapes, allowed_counts
from compress.lists import listed
from compress.report import figures

SHOWN: Final = 4
"""Groups that a note names, at most."""

_MEASURES: Final = ("MACs", "parameters", "time")


@dataclass(frozen=True)
class Reached:
    """Shares of the whole network that a state within the budget keeps, and ``budget_note`` of it.

    ``time`` is that of a call; ``None`` without a latency model.
    """

    macs: float
    parameters: float
    note: str
    time: float | None = None


def reached_by_random_state(prunable: Prunable, *, align: int, seed: int) -> Reached:
    """The shares of a random state, repaired to the budget as every method's states are."""
    counts_G = _random_state(prunable, seed=seed)
    macs, parameters, *time = _shares(prunable, counts_G).tolist()
    return Reached(macs, parameters, budget_note(prunable, counts_G, align=align, seed=seed), *time)


def finer_counts_note(multiples: Mapping[str, int], *, align: int, target: bool = False) -> tuple[str, ...]:
    """A note on groups whose counts go in other steps (``Prunable.multiples``) because the budget asks for it.

    ``target``: the budget is a latency, and the steps are those that its target is fast at.
    """
    if not multiples:
        return ()
    steps: dict[int, list[str]] = {}
    for root, step in multiples.items():
        steps.setdefault(step, []).append(root)
    counts = [f"{step} in {listed(roots, most=SHOWN)}" for step, roots in sorted(steps.items())]
    why = "the target is fast in these steps" if target else f"the budget is out of reach in multiples of {align}"
    return (f"{why}: counts go in steps of {'; of '.join(counts)}",)


def budget_note(prunable: Prunable, counts_G: Tensor, *, align: int, seed: int) -> str:
    """Asked and reached shares, and budgets to ask for instead, if a state stays far below its budget; else empty.

    ``counts_G`` are kept units per group, within the budget, multiples of ``align``; a smaller alignment is tried on
    a random state, by ``seed``.
    """
    asked = prunable.budget.shares(prunable.model)
    shares = _shares(prunable, counts_G)
    used = shares / asked
    if not asked.isfinite().any() or (used >= 1 - NEAR).any():
        return ""
    place = int(used.argmax())
    instead = [*_next_larger(prunable, counts_G, place), *_finer(prunable, place, align=align, seed=seed)]
    kept, wanted = (figures.percent(float(one[place])) for one in (shares, asked))
    return (
        f"{kept} of the {_MEASURES[place]} kept where {wanted} was asked: counts go in steps of {align} and no further "
        "step fits" + (f"; there is {', or '.join(instead)}" if instead else "")
    )


def _next_larger(prunable: Prunable, counts_G: Tensor, place: int) -> list[str]:
    """The cheapest shape over the budget: of all, or of those with one block more where all are too many."""
    shapes = all_shapes(prunable.counts)
    if shapes is None:
        grown = counts_G + torch.diag(prunable.counts.step)
        shapes = grown[(grown <= prunable.counts.largest).all(-1)]
    over_SM = _shares(prunable, shapes) > prunable.budget.shares(prunable.model)
    alone_S = over_SM[:, place] & (over_SM.sum(1) == 1)
    if not alone_S.any():
        return []
    share = float(_shares(prunable, shapes[alone_S])[:, place].min())
    flag = prunable.flag(place, share, digits=3)
    return [f"{math.ceil(10_000 * share) / 100:.2f} % ({flag})"] if share <= 0.999 else []


def _finer(prunable: Prunable, place: int, *, align: int, seed: int) -> list[str]:
    """The widest smaller alignment that comes near the budget."""
    for smaller in (align // 2**halvings for halvings in range(1, align.bit_length())):
        counts = allowed_counts(prunable.units, smaller)
        finer = Prunable(prunable.units, prunable.model, counts, prunable.budget)
        share = float(_shares(prunable, _random_state(finer, seed=seed))[place])
        if share >= (1 - NEAR) * float(prunable.budget.shares(prunable.model)[place]):
            return [f"{figures.percent(share)} (--align {smaller})"]
    return []


def _random_state(prunable: Prunable, *, seed: int) -> Tensor:
    """Kept units per group, int64 (G,), of a random state within the budget."""
    keys = torch.rand(1, prunable.units.total, generator=torch.Generator().manual_seed(seed))
    return prunable.units.counts(prunable.repair(keys, progress=1.0))[0]


def _shares(prunable: Prunable, counts: Tensor) -> Tensor:
    """Shares of the whole network's costs, float64 (..., M), of counts (..., G)."""
    model = prunable.model
    found = model.costs(counts.reshape(-1, counts.shape[-1])) / model.full_M
    return found.reshape(*counts.shape[:-1], -1)
