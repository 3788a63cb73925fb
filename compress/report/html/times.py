"""Where the time goes, as bars: pairs of files, layers, kinds of operator."""

from collections.abc import Iterable
from dataclasses import dataclass

from compress.report.latency_tables import pair_rows, pairs
from compress.report.model import Report
from exporters.measure.profile import LayerTime


def width(value: float | None, largest: float) -> float:
    """A bar's length in percent of the longest one's."""
    return 0.0 if value is None or largest <= 0 else round(100 * value / largest, 2)


def longest(layers: Iterable[LayerTime]) -> float:
    """The longest time of any layer, in milliseconds."""
    return max((ms for row in layers for ms in (row.original_ms, row.candidate_ms) if ms is not None), default=0.0)


@dataclass(frozen=True)
class PairGroup:
    """Two networks timed against each other: a row of ``PAIR_COLUMNS`` a setting."""

    before: str
    after: str
    rows: tuple[tuple[str, ...], ...]


def latency_groups(report: Report) -> list[PairGroup]:
    """Every pair that was timed; smallest batch first, then fewest threads."""
    groups = (PairGroup(before, after, pair_rows(report, before, after)) for before, after in pairs(report))
    return [group for group in groups if group.rows]
