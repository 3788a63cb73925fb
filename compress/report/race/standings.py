"""A race in numbers: over the seeds of each method and budget, and against the leader.

Axes: N test images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from compress.report.race.budget import CellBudget
from compress.report.race.model import CellResult, RaceCell, RaceReport
from compress.statistics import mcnemar, mean_interval, paired_counts

MOST_VALUES: Final = 2  # up to this number of seeds the values are shown; an interval of two values is of no use
SIGNIFICANT: Final = 0.05  # below this p the difference of two networks is more than chance in the test images


@dataclass(frozen=True)
class SeedValues:
    """One number of several runs that differ only in their seed, in the order of the seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.values)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's 95 % interval of the mean over seeds; ``None`` with fewer than three."""
        return mean_interval(self.values) if len(self.values) > MOST_VALUES else None

    @property
    def extent(self) -> tuple[float, float]:
        """The interval, or the smallest and the largest value if there is none."""
        return self.interval or (min(self.values), max(self.values))


@dataclass(frozen=True)
class LeadOverSeeds:
    """A method against the leader at one budget, seed by seed on the same images.

    Images of different seeds are never counted together: such a test would hold for these networks only, and could
    be significant although the difference has another sign in every seed.

    ``points`` are Top-1 of the method minus that of the leader, ``p_values`` of McNemar's exact test of each seed.
    """

    points: SeedValues
    p_values: tuple[float, ...]

    @property
    def by_seed(self) -> tuple[tuple[float, float], ...]:
        """Points and p of every seed."""
        return tuple(zip(self.points.values, self.p_values, strict=True))

    @property
    def better(self) -> int:
        """Seeds in which the method is significantly better."""
        return sum(value > 0 and p < SIGNIFICANT for value, p in self.by_seed)

    @property
    def worse(self) -> int:
        """Seeds in which the method is significantly worse."""
        return sum(value < 0 and p < SIGNIFICANT for value, p in self.by_seed)

    @property
    def disagrees(self) -> bool:
        """Whether significant seeds contradict each other."""
        return self.better > 0 and self.worse > 0


@dataclass(frozen=True)
class Standing:
    """One method at one budget: its cells by seed, and its lead, unless it is the leader or no seed has both."""

    method: str
    budget: CellBudget
    cells: tuple[RaceCell, ...]
    lead: LeadOverSeeds | None

    @property
    def results(self) -> tuple[CellResult, ...]:
        """Of the finished cells."""
        return tuple(cell.result for cell in self.cells if cell.result is not None)

    @property
    def top1(self) -> SeedValues:
        """Of the finished cells, in percent."""
        return SeedValues(tuple(100 * result.top1.value for result in self.results))


def find_standings(report: RaceReport) -> dict[CellBudget, list[Standing]]:
    """The methods of every budget: highest mean Top-1 first, methods without a result last."""
    found = {}
    for budget in dict.fromkeys(cell.budget for cell in report.cells):
        by_method: dict[str, list[RaceCell]] = {}
        for cell in report.cells:
            if cell.budget == budget:
                by_method.setdefault(cell.method, []).append(cell)
        leader = by_method.get(report.leader, [])
        standings = [
            Standing(method, budget, tuple(cells), None if cells is leader else _lead(cells, leader))
            for method, cells in by_method.items()
        ]
        found[budget] = sorted(standings, key=lambda one: -one.top1.mean if one.results else math.inf)
    return found


def original_results(report: RaceReport) -> tuple[CellResult, ...]:
    """One result for every seed; the original is the same in all cells of a seed."""
    by_seed = {cell.seed: cell.result for cell in reversed(report.cells) if cell.result is not None}
    return tuple(result for _seed, result in sorted(by_seed.items()))


def original_top1(results: Sequence[CellResult]) -> SeedValues:
    """Top-1 of the original in percent, of one result for every seed."""
    return SeedValues(tuple(100 * result.original_top1.value for result in results))


def has_both_kinds(report: RaceReport) -> bool:
    """Whether some cells have MACs as their budget, and others a latency."""
    return len({cell.budget.is_latency for cell in report.cells}) > 1


def _lead(cells: Sequence[RaceCell], leader: Sequence[RaceCell]) -> LeadOverSeeds | None:
    """Over the seeds that both have finished."""
    theirs = {cell.seed: cell.result for cell in leader if cell.result is not None}
    pairs = [(cell.result, theirs[cell.seed]) for cell in cells if cell.result is not None and cell.seed in theirs]
    if not pairs:
        return None
    tables = [paired_counts(_correct(mine), _correct(other)) for mine, other in pairs]
    points = tuple(100 * (table.only_a - table.only_b) / sum(table) for table in tables)
    return LeadOverSeeds(SeedValues(points), tuple(map(mcnemar, tables)))


def _correct(result: CellResult) -> np.ndarray:
    """The test images [N] that the pruned network classifies correctly."""
    packed = np.frombuffer(bytes.fromhex(result.right), dtype=np.uint8)
    return np.unpackbits(packed, count=result.top1.images).astype(bool)
