"""Tables of latency: the ratio that decides, and percentiles. Milliseconds are those of one pair alone."""

from collections.abc import Callable, Iterator
from typing import Final

from compress.report import figures
from compress.report.model import LatencyRow, Report
from compress.report.sections import Table
from compress.report.timings import headline_setting, setting_of
from exporters.measure.comparison import LatencyComparison

_WORDS: Final = frozenset({"against", "verdict"})


def latency_table(report: Report) -> Table:
    """The candidate against the original, at every setting."""
    return _pair_table(report, report.original.label, report.candidate.label)


def pair_tables(report: Report) -> Iterator[Table]:
    """Every other pair, a table each, in the report's order."""
    yield from (_pair_table(report, before, after) for before, after in pairs(report)[1:])


def pairs(report: Report) -> list[tuple[str, str]]:
    """The labels of every pair that was timed: original and candidate first, then in the report's order."""
    first = (report.original.label, report.candidate.label)
    return list(dict.fromkeys((first, *((row.original, row.candidate) for row in report.latency))))


def other_latency_table(report: Report) -> Table:
    """Every other pair at the smallest batch and the fewest threads."""
    setting = headline_setting(report)
    first = (report.original.label, report.candidate.label)
    others = [row for row in report.latency if (row.original, row.candidate) != first]
    return Table(
        title="Latency of the other files",
        columns=("network", "against", "before", "after", "ratio", "95 %", "verdict"),
        rows=tuple(
            (row.candidate, row.original, *_numbers(row.comparison), verdict_words(row.comparison))
            for row in others
            if setting_of(row.comparison) == setting
        ),
        note=f"median ms of each pair; {setting}",
        words=_WORDS,
    )


def percentile_table(report: Report) -> Table:
    """Percentiles where the samples allow them, images a second by the median, and steadiness."""
    return Table(
        title="Latency percentiles",
        columns=("network", "against", "batch", "threads", "p50", "95 %", "p90", "p99", "images/s", "CV"),
        rows=tuple(_percentiles(report.latency)),
        note="ms per call; a dash: too few calls; images/s: by p50; CV: of the rounds' medians",
        words=_WORDS,
    )


def protocol_table(report: Report) -> Table:
    """How each pair was timed, and how much of that was undisturbed."""
    columns: tuple[tuple[str, Callable[[LatencyComparison], str]], ...] = (
        ("batch", lambda row: str(row.batch_size)),
        ("threads", lambda row: str(row.threads)),
        ("rounds", lambda row: str(row.rounds)),
        ("untimed", lambda row: str(row.settling_calls)),
        ("pairs", lambda row: f"{row.pairs:,}"),
        ("used", lambda row: f"{row.pairs_used:,}"),
        ("pinned", lambda row: "yes" if row.pinned else "no"),
    )
    return Table(
        title="How each pair was timed",
        columns=("network", "against", *(name for name, _show in columns)),
        rows=tuple(
            (pair.candidate, pair.original, *(show(pair.comparison) for _name, show in columns))
            for pair in report.latency
        ),
        note="untimed: calls of the same file before each timed one; used: uninterrupted",
        words=_WORDS,
    )


def verdict_words(row: LatencyComparison) -> str:
    """faster; slower, noisy; no difference, cut short."""
    return ", ".join((row.verdict, *(("noisy",) if row.noisy else ()), *(("cut short",) if row.cut_short else ())))


def _pair_table(report: Report, before: str, after: str) -> Table:
    return Table(
        title=f"Latency, {before} -> {after}",
        columns=("batch", "threads", "before", "after", "ratio", "95 %", "images/s", "verdict"),
        rows=tuple(
            (
                str(row.batch_size),
                str(row.threads),
                *_numbers(row),
                figures.count(row.candidate.images_per_second),
                verdict_words(row),
            )
            for row in report.timings(after, against=before)
        ),
        note=f"median ms per call; images/s: {after}, by its median",
        words=_WORDS,
    )


def _numbers(row: LatencyComparison) -> tuple[str, ...]:
    medians = (figures.milliseconds(side.p50_ms) for side in (row.original, row.candidate))
    return (*medians, f"{row.ratio:.2f}x", figures.span(row.ratio_low, row.ratio_high))


def _percentiles(timed: tuple[LatencyRow, ...]) -> Iterator[tuple[str, ...]]:
    for pair in timed:
        row = pair.comparison
        sides = ((pair.original, pair.candidate, row.original), (pair.candidate, pair.original, row.candidate))
        for label, against, timing in sides:
            yield (
                label,
                against,
                str(row.batch_size),
                str(row.threads),
                figures.milliseconds(timing.p50_ms),
                f"{figures.milliseconds(timing.p50_low_ms)} to {figures.milliseconds(timing.p50_high_ms)}",
                figures.milliseconds(timing.p90_ms),
                figures.milliseconds(timing.p99_ms),
                figures.count(timing.images_per_second),
                figures.percent(timing.coefficient_of_variation),
            )
