"""Where the time goes: pairs of files, layers, kinds of operator."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from compress.report import figures
from compress.report.model import Report
from exporters.measure.comparison import LatencyComparison
from exporters.measure.profile import LayerTime, OperatorProfile

LATENCY_COLUMNS: Final = (
    "batch", "threads", "before, ms", "after, ms", "ratio", "95 %", "verdict", "images/s", "variation",
)  # fmt: skip
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_ARROW: Final = " \N{RIGHTWARDS ARROW} "


def width(value: float | None, largest: float) -> float:
    """A bar's length in percent of the longest one's."""
    return 0.0 if value is None or largest <= 0 else round(100 * value / largest, 2)


def longest(layers: Iterable[LayerTime]) -> float:
    """The longest time of any layer, in milliseconds."""
    return max((ms for row in layers for ms in (row.original_ms, row.candidate_ms) if ms is not None), default=0.0)


def time_unit(layers: Iterable[LayerTime]) -> str:
    """The unit that suits the longest time: "ms", or "µs" where all are below half a millisecond."""
    return "ms" if longest(layers) >= 0.5 else "µs"


def short_time(value: float | None, unit: str) -> str:
    """Milliseconds in the unit of ``time_unit``; a dash where the layer is not there."""
    return figures.milliseconds(value if value is None or unit == "ms" else 1000 * value)


def slowest_first(profile: OperatorProfile) -> list[LayerTime]:
    """The layers, longest time in either file first."""
    return sorted(profile.layers, key=lambda row: -max(row.original_ms or 0, row.candidate_ms or 0))


def time_by_kind(profile: OperatorProfile) -> list[LayerTime]:
    """The layers' times added up by operator, the original's longest first; the note counts the layers."""
    kinds = []
    for kind, group in groupby(sorted(profile.layers, key=lambda row: row.kind), key=lambda row: row.kind):
        rows = list(group)
        before, after = _sum(row.original_ms for row in rows), _sum(row.candidate_ms for row in rows)
        kinds.append(LayerTime(kind, kind, before, after, None, figures.plural(len(rows), "layer")))
    return sorted(kinds, key=lambda row: -max(row.original_ms or 0, row.candidate_ms or 0))


def _sum(times: Iterable[float | None]) -> float | None:
    measured = [ms for ms in times if ms is not None]
    return sum(measured) if measured else None


@dataclass(frozen=True)
class PairGroup:
    """Two networks timed against each other: a row of ``LATENCY_COLUMNS`` a setting."""

    before: str
    after: str
    rows: tuple[tuple[str, ...], ...]


def latency_groups(report: Report) -> list[PairGroup]:
    """Every pair that was timed, in the networks' order; smallest batch first, then fewest threads."""
    order = {row.label: number for number, row in enumerate(report.networks)}
    pairs = sorted(
        {(row.original, row.candidate) for row in report.latency}, key=lambda pair: [order[one] for one in pair]
    )
    return [
        PairGroup(before, after, tuple(_latency_cells(row) for row in report.timings(after, against=before)))
        for before, after in pairs
    ]


def _latency_cells(row: LatencyComparison) -> tuple[str, ...]:
    return (
        str(row.batch_size),
        str(row.threads),
        figures.milliseconds(row.original.p50_ms),
        figures.milliseconds(row.candidate.p50_ms),
        f"{row.ratio:.2f}{_TIMES}",
        figures.span(row.ratio_low, row.ratio_high),
        row.verdict,
        _ARROW.join(figures.count(side.images_per_second) for side in (row.original, row.candidate)),
        figures.percent(row.coefficient_of_variation) + (" (noisy)" if row.noisy else ""),
    )
