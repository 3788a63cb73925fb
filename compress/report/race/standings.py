"""A race in numbers: over the seeds of each method and budget, and against the leader.

Axes: N test images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

import numpy as np
from scipy.special import stdtrit

from compress.report.race.model import CellResult, RaceCell, RaceReport
from compress.statistics import mcnemar, paired_counts

MOST_VALUES: Final = 2
"""Up to this number of seeds the values are shown; an interval of two values is of no use."""

SIGNIFICANT: Final = 0.05
"""Below this p the difference of two networks is more than chance in the test images."""

_RUN: Final = ("01", "02", "03", "04", "05")
"""The stages that make a network: with the teacher and the search, without export and verdict."""


@dataclass(frozen=True)
class Spread:
    """One number of several runs that differ only in their seed, in the order of the seeds."""

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
        """The interval, or the smallest and the largest value if there is none."""
        return self.interval or (min(self.values), max(self.values))


@dataclass(frozen=True)
class Duel:
    """A method against the leader at one budget, seed by seed on the same images.

    Images of different seeds are never counted together: such a test would hold for these networks only, and could
    be significant although the difference has another sign in every seed.

    Attributes:
        points: Top-1 of the method minus that of the leader, in points.
        p_values: McNemar's exact test of the two networks of each seed.
    """

    points: Spread
    p_values: tuple[float, ...]

    @property
    def better(self) -> int:
        """Seeds in which the method is significantly better."""
        return sum(value > 0 and p < SIGNIFICANT for value, p in zip(self.points.values, self.p_values, strict=True))

    @property
    def worse(self) -> int:
        """Seeds in which the method is significantly worse."""
        return sum(value < 0 and p < SIGNIFICANT for value, p in zip(self.points.values, self.p_values, strict=True))

    @property
    def disagrees(self) -> bool:
        """Whether significant seeds contradict each other."""
        return self.better > 0 and self.worse > 0


@dataclass(frozen=True)
class Standing:
    """One method at one budget.

    Attributes:
        method: its name.
        keep_macs: the share of the MACs to keep.
        cells: in the order of the seeds.
        top1: of the finished cells, in percent; ``None`` if none has finished.
        duel: against the leader; ``None`` for the leader, or if no seed has both.
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
        """Points of Top-1 lost against the original of the same seed, trained for as many epochs."""
        return Spread(tuple(result.drop.points for result in self.results))

    @property
    def kept_macs(self) -> float:
        """Mean share of the MACs that was reached."""
        return fmean(result.kept_macs for result in self.results)

    @property
    def kept_parameters(self) -> float:
        """Mean share of the parameters that was kept."""
        return fmean(result.kept_parameters for result in self.results)

    @property
    def ratio(self) -> Spread | None:
        """How many times as fast as the original; ``None`` if nothing was timed."""
        ratios = tuple(result.timing.ratio for result in self.results if result.timing is not None)
        return Spread(ratios) if ratios else None

    @property
    def minutes(self) -> float:
        """Mean duration of a run up to its network; for ``scratch`` without the run that found the shape."""
        return fmean(minutes_of(result, _RUN) for result in self.results)


def budget_name(keep_macs: float) -> str:
    """A budget in words."""
    return f"{100 * keep_macs:.6g} % of the MACs"


def minutes_of(result: CellResult, stages: tuple[str, ...]) -> float:
    """Duration of the stages whose names start with one of ``stages``."""
    return sum(seconds for stage, seconds in result.seconds.items() if stage.startswith(stages)) / 60


def find_standings(report: RaceReport) -> tuple[Standing, ...]:
    """The budgets in order, and for each the methods: highest mean Top-1 first, methods without a result last."""
    found: list[Standing] = []
    for share in dict.fromkeys(cell.keep_macs for cell in report.cells):
        by_method: dict[str, list[RaceCell]] = {}
        for cell in report.cells:
            if cell.keep_macs == share:
                by_method.setdefault(cell.method, []).append(cell)
        leader = by_method.get(report.leader, [])
        standings = [
            Standing(method, share, tuple(cells), _top1(cells), None if cells is leader else _duel(cells, leader))
            for method, cells in by_method.items()
        ]
        found += sorted(standings, key=lambda one: -one.top1.mean if one.top1 else math.inf)
    return tuple(found)


def original_results(report: RaceReport) -> tuple[CellResult, ...]:
    """One result for every seed; the original is the same in all cells of a seed."""
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
    tables = [paired_counts(_correct(mine), _correct(other)) for mine, other in pairs]
    points = tuple(100 * (table.only_a - table.only_b) / sum(table) for table in tables)
    return Duel(Spread(points), tuple(mcnemar(table) for table in tables))


def _correct(result: CellResult) -> np.ndarray:
    """The test images [N] that the pruned network classifies correctly."""
    packed = np.frombuffer(bytes.fromhex(result.right), dtype=np.uint8)
    return np.unpackbits(packed, count=result.top1.images).astype(bool)
