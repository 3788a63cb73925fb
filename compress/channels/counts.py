"""The kept counts that the groups may have.

Axes: P states, G groups, S shapes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from compress.channels.units import UnitMap

FLOOR = 0.1
"""No group keeps less than this share of its units: a starved layer cannot be repaired by training."""

MOST_SHAPES = 20_000
"""Up to this many allowed shapes are all compared, which takes a few milliseconds."""


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


def allowed_counts(units: UnitMap, align: int | Sequence[int]) -> Counts:
    """Multiples of ``align`` channels per group, or the whole group where it is smaller than that.

    ``align`` may be a number for each group.
    """
    rows = []
    aligns = [align] * len(units.groups) if isinstance(align, int) else align
    for group, multiple in zip(units.groups, aligns, strict=True):
        step = min(multiple // math.gcd(multiple, group.tied), group.size)
        least = -(-max(1, round(FLOOR * group.size)) // step) * step
        largest = group.size // step * step
        rows.append((min(least, largest), step, largest))
    return Counts(*torch.tensor(rows).T)


def finer_than(align: int) -> list[int]:
    """Powers of two below ``align``, the largest first."""
    return [2**power for power in reversed(range((align - 1).bit_length()))]


def all_shapes(counts: Counts) -> Tensor | None:
    """Every allowed shape, int64 (S, G); ``None`` where they are more than ``MOST_SHAPES``."""
    choices = (counts.largest - counts.smallest) // counts.step + 1
    if choices.double().prod() > MOST_SHAPES:
        return None
    axes = [torch.arange(*bounds) for bounds in zip(counts.smallest, counts.largest + 1, counts.step, strict=True)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes))
