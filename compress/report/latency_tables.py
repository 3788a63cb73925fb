"""Tables of time: latency of pairs of files, and the profile of operators and layers.

Milliseconds of different pairs do not compare: only those of one pair were measured together.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from compress.report import figures
from compress.report.model import LatencyRow, Report
from compress.report.sections import Bars, Column, Table, table_of
from compress.report.timings import headline_setting, on_provider, setting_of
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.profile import LayerTime, OperatorProfile

_PAIR: Final[tuple[Column[LatencyRow], ...]] = (
    ("network", lambda row: row.candidate),
    ("against", lambda row: row.original),
)
_SETTING: Final[tuple[Column[LatencyRow], ...]] = (
    ("batch", lambda row: row.comparison.batch_size),
    ("threads", lambda row: row.comparison.threads),
)
_RATIO: Final[tuple[Column[LatencyRow], ...]] = (
    ("before", lambda row: figures.milliseconds(row.comparison.original.p50_ms)),
    ("after", lambda row: figures.milliseconds(row.comparison.candidate.p50_ms)),
    ("ratio", lambda row: f"{row.comparison.ratio:.2f}x"),
    ("95 %", lambda row: figures.span(row.comparison.ratio_low, row.comparison.ratio_high)),
    ("images/s", lambda row: figures.count(row.comparison.candidate.images_per_second)),
    ("verdict", lambda row: _verdict(row.comparison)),
)
_WORDS: Final = frozenset({"against", "verdict"})


def pairs(report: Report) -> list[tuple[str, str]]:
    """The labels of every pair that was timed: original and candidate first, then in the report's order."""
    first = (report.original.label, report.candidate.label)
    return list(dict.fromkeys((first, *((row.original, row.candidate) for row in report.latency))))


def pair_tables(report: Report) -> tuple[Table, ...]:
    """A table for every pair, at every setting: the candidate against the original, then the others."""
    timed = sorted(report.latency, key=lambda row: setting_of(row.comparison))
    return tuple(
        table_of(
            f"Latency, {before} -> {after}",
            [row for row in timed if (row.original, row.candidate) == (before, after)],
            [*_SETTING, *_RATIO],
            note=f"median ms per call{on_provider(report)}; images/s: {after}, by its median",
            words=_WORDS,
        )
        for before, after in pairs(report)
    )


def other_latency_table(report: Report) -> Table:
    """Every pair but the first at the smallest batch and the fewest threads."""
    setting, first = headline_setting(report), pairs(report)[0]
    others = [row for row in report.latency if (row.original, row.candidate) != first]
    return table_of(
        "Latency of the other files",
        [row for row in others if setting_of(row.comparison) == setting],
        [*_PAIR, *(column for column in _RATIO if column[0] != "images/s")],
        note=f"median ms of each pair; {setting}{on_provider(report, ', ')}",
        words=_WORDS,
    )


def percentile_table(report: Report) -> Table:
    """Percentiles where the samples allow them, images a second by the median, and steadiness."""
    sides = [
        (label, against, row.comparison, side)
        for row in report.latency
        for label, against, side in (
            (row.original, row.candidate, row.comparison.original),
            (row.candidate, row.original, row.comparison.candidate),
        )
    ]
    return table_of(
        "Latency percentiles",
        sides,
        [
            ("network", lambda row: row[0]),
            ("against", lambda row: row[1]),
            ("batch", lambda row: row[2].batch_size),
            ("threads", lambda row: row[2].threads),
            ("p50", lambda row: figures.milliseconds(row[3].p50_ms)),
            ("95 %", lambda row: " to ".join(map(figures.milliseconds, (row[3].p50_low_ms, row[3].p50_high_ms)))),
            ("p90", lambda row: figures.milliseconds(row[3].p90_ms)),
            ("p99", lambda row: figures.milliseconds(row[3].p99_ms)),
            ("images/s", lambda row: figures.count(row[3].images_per_second)),
            ("CV", lambda row: figures.percent(row[3].coefficient_of_variation)),
        ],
        note="ms per call; a dash: too few calls; images/s: by p50; CV: of the rounds' medians",
        words=_WORDS,
    )


def protocol_table(report: Report) -> Table:
    """How each pair was timed, and how much of that was undisturbed."""
    return table_of(
        "How each pair was timed",
        report.latency,
        [
            *_PAIR,
            *_SETTING,
            ("rounds", lambda row: row.comparison.rounds),
            ("untimed", lambda row: row.comparison.settling_calls),
            ("pairs", lambda row: row.comparison.pairs),
            ("used", lambda row: row.comparison.pairs_used),
            ("pinned", lambda row: "yes" if row.comparison.pinned else "no"),
        ],
        note="untimed: calls of the same file before each timed one; used: uninterrupted",
        words=_WORDS,
    )


def how_profiled(profile: OperatorProfile) -> str:
    """How the times of operators and layers were measured, in a sentence."""
    return (
        f"µs per call in onnxruntime's profile, mean of the middle half of {figures.plural(profile.calls, 'call')}, "
        f"{figures.setting(profile.batch_size, profile.threads)}; profiling slows every node: compare shares."
    )


def operator_table(report: Report) -> Table:
    """The layers' times added up by operator; the note counts the layers."""
    times = []
    for kind, group in groupby(sorted(_layers(report), key=lambda row: row.kind), key=lambda row: row.kind):
        rows = list(group)
        before, after = _sum(row.original_ms for row in rows), _sum(row.candidate_ms for row in rows)
        times.append(LayerTime(kind, kind, before, after, None, figures.plural(len(rows), "layer")))
    return _time_table(report, "Time by operator", "operator", times, without=("kind", "MACs"), short=5)


def layer_table(report: Report) -> Table:
    """Time of each layer, those that the candidate spends most time in first."""
    return _time_table(report, "Time by layer", "layer", _layers(report), short=10)


def _verdict(row: LatencyComparison) -> str:
    return row.speed_change + (", noisy" if row.noisy else "") + (", cut short" if row.cut_short else "")


def _layers(report: Report) -> tuple[LayerTime, ...]:
    return () if report.operators is None else report.operators.layers


def _time_table(
    report: Report, title: str, first: str, times: Sequence[LayerTime], *, without: tuple[str, ...] = (), short: int
) -> Table:
    """A row for each time, slowest in the candidate first."""
    before, after = (_sum(getattr(row, side) for row in _layers(report)) for side in ("original_ms", "candidate_ms"))
    ordered = sorted(times, key=lambda row: (-(row.candidate_ms or 0.0), -(row.original_ms or 0.0)))
    columns: list[Column[LayerTime]] = [
        (first, lambda row: row.layer),
        ("kind", lambda row: row.kind),
        ("before", lambda row: figures.microseconds(row.original_ms)),
        ("after", lambda row: figures.microseconds(row.candidate_ms)),
        ("share before", lambda row: _share(row.original_ms, before)),
        ("share", lambda row: _share(row.candidate_ms, after)),
        ("MACs", lambda row: "-" if row.macs_kept is None else figures.percent(row.macs_kept)),
        ("note", lambda row: row.note),
    ]
    return table_of(
        title,
        ordered,
        [column for column in columns if column[0] not in without],
        note=f"before, after: µs; share: of all nodes' time, after{'' if 'MACs' in without else '; MACs: kept'}",
        words=frozenset({"kind", "note"}),
        detail_columns=frozenset({"kind", "share before"}),
        short=short,
        marks=tuple(Bars((row.original_ms or 0.0, row.candidate_ms or 0.0)) for row in ordered),
    )


def _sum(times: Iterable[float | None]) -> float | None:
    return sum(measured) if (measured := [ms for ms in times if ms is not None]) else None


def _share(part: float | None, whole: float | None) -> str:
    return figures.percent(part / whole) if part is not None and whole else "-"
