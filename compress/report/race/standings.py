"""A race in numbers: over the seeds of each method and budget, and against the method that leads the comparison.

Axes: N test images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from scipy.special import stdtrit

from compress.report.race.model import CellResult, RaceCell, RaceReport
from compress.statistics import mcnemar, paired_counts

MOST_VALUES = 2
"""Up to so many seeds are shown one by one; an interval of two values says nothing."""

CLEAR = 0.05
"""Below this p two networks differ by more than chance in the test images makes."""

_RUN = ("01", "02", "03", "04", "05")
"""Stages that a run takes for its network: what the teacher and the choice cost too."""


@dataclass(frozen=True)
class Spread:
    """One number of several runs that differ in the seed alone.

    Attributes:
        values: in the order of the seeds.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.values)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's 95 % interval of the mean over seeds; ``None`` with fewer than three."""
        count = len(self.values)
        if count <= MOST_VALUES:
            return None
        reach = float(stdtrit(count - 1, 0.975)) * stdev(self.values) / math.sqrt(count)
        return self.mean - reach, self.mean + reach

    @property
    def extent(self) -> tuple[float, float]:
        """The interval, or the smallest and the largest value where there is none."""
        return self.interval or (min(self.values), max(self.values))


@dataclass(frozen=True)
class Duel:
    """A method against the leader, seed by seed, on the same images at the same budget.

    The images of all seeds are never counted together: one test over them would hold for these networks and
    not for another seed, and could be sure of a difference that has another sign in every seed.

    Attributes:
        points: Top-1 of the method minus that of the leader, in points, by seed.
        chances: p of McNemar's exact test, by seed: could chance in the test images alone make the difference
            of these two networks? Of other seeds it says nothing.
    """

    points: Spread
    chances: tuple[float, ...]

    @property
    def ahead(self) -> int:
        """Seeds in which the method's network is better by more than chance in the images."""
        return sum(value > 0 and p < CLEAR for value, p in zip(self.points.values, self.chances, strict=True))

    @property
    def behind(self) -> int:
        """Seeds in which it is worse likewise."""
        return sum(value < 0 and p < CLEAR for value, p in zip(self.points.values, self.chances, strict=True))

    @property
    def disagrees(self) -> bool:
        """Whether the seeds say opposite things, each clearly."""
        return self.ahead > 0 and self.behind > 0


@dataclass(frozen=True)
class Standing:
    """One method at one budget.

    Attributes:
        method: what chose.
        keep_macs: the share of the MACs that was asked for.
        cells: all of them, in the order of the seeds.
        top1: of the finished ones, in percent; ``None`` where none has finished.
        duel: against the leader; ``None`` for the leader, and where no seed has both.
    """

    method: str
    keep_macs: float
    cells: tuple[RaceCell, ...]
    top1: Spread | None
    duel: Duel | None

    @property
    def results(self) -> tuple[CellResult, ...]:
        """Of the finished cells."""
        return tuple(cell.result for cell in self.cells if cell.result is not None)

    @property
    def lost(self) -> Spread:
        """Points of Top-1 lost against the original of the same seed, trained for as long."""
        return Spread(tuple(result.drop.points for result in self.results))

    @property
    def kept_macs(self) -> float:
        """The share of the MACs that was reached, a mean."""
        return fmean(result.kept_macs for result in self.results)

    @property
    def kept_parameters(self) -> float:
        """The share of the parameters that was kept, a mean."""
        return fmean(result.kept_parameters for result in self.results)

    @property
    def ratio(self) -> Spread | None:
        """How many times as fast as the original; ``None`` where nothing was timed."""
        ratios = tuple(result.timing.ratio for result in self.results if result.timing is not None)
        return Spread(ratios) if ratios else None

    @property
    def minutes(self) -> float:
        """What a run of its own takes before it is exported, a mean; for ``scratch`` without finding the shape."""
        return fmean(
            sum(taken for stage, taken in result.seconds.items() if stage.startswith(_RUN)) / 60
            for result in self.results
        )


def find_standings(report: RaceReport) -> tuple[Standing, ...]:
    """Every budget in its order, and in it the methods: highest mean Top-1 first, those without a result last."""
    found: list[Standing] = []
    for share in dict.fromkeys(cell.keep_macs for cell in report.cells):
        ours = [cell for cell in report.cells if cell.keep_macs == share]
        by_method = {
            method: tuple(cell for cell in ours if cell.method == method)
            for method in dict.fromkeys(cell.method for cell in ours)
        }
        leader = by_method.get(report.leader, ())
        standings = [
            Standing(method, share, cells, _top1(cells), None if method == report.leader else _duel(cells, leader))
            for method, cells in by_method.items()
        ]
        found += sorted(standings, key=lambda one: -one.top1.mean if one.top1 else math.inf)
    return tuple(found)


def original_results(report: RaceReport) -> tuple[CellResult, ...]:
    """One result a seed, for what it says of the original; the same in every cell of that seed."""
    by_seed = {cell.seed: cell.result for cell in reversed(report.cells) if cell.result is not None}
    return tuple(result for _seed, result in sorted(by_seed.items()))


def _top1(cells: Sequence[RaceCell]) -> Spread | None:
    values = tuple(100 * cell.result.top1.value for cell in cells if cell.result is not None)
    return Spread(values) if values else None


def _duel(cells: Sequence[RaceCell], leader: Sequence[RaceCell]) -> Duel | None:
    """The seeds that both have finished."""
    theirs = {cell.seed: cell.result for cell in leader if cell.result is not None}
    pairs = [(cell.result, theirs[cell.seed]) for cell in cells if cell.result is not None and cell.seed in theirs]
    if not pairs:
        return None
    tables = [paired_counts(_right(mine), _right(other)) for mine, other in pairs]
    points = tuple(100 * (table.only_a - table.only_b) / sum(table) for table in tables)
    return Duel(Spread(points), tuple(mcnemar(table) for table in tables))


def _right(result: CellResult) -> np.ndarray:
    """Which test images [N] the pruned network has right."""
    packed = np.frombuffer(bytes.fromhex(result.right), dtype=np.uint8)
    return np.unpackbits(packed, count=result.top1.images).astype(bool)
