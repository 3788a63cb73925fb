"""Timings of a report: which one is the headline, how all were measured, which were disturbed."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from compress.report import figures
from compress.report.model import LatencyRow, Report
from exporters.device.providers import short_name
from exporters.measure.latency_results import RESOLUTION, LatencyComparison

_MOST_LISTED: Final = 3  # disturbed timings; with more of them the note says how many and which most


class Setting(NamedTuple):
    """Images in a call and onnxruntime's threads; they sort by the smallest batch, then the fewest threads."""

    batch_size: int
    threads: int

    def __str__(self) -> str:
        """In words: batch 1, 2 threads."""
        return figures.setting(self.batch_size, self.threads)


def setting_of(timing: LatencyComparison) -> Setting:
    """The setting that two files were timed at."""
    return Setting(timing.batch_size, timing.threads)


def on_provider(report: Report, before: str = " on ") -> str:
    """The execution provider of all answers and times, after ``before``; "" where it is the CPU."""
    return "" if report.on_cpu else before + short_name(report.provider)


def headline_latency(report: Report) -> LatencyComparison | None:
    """Original against candidate with the smallest batch and the fewest threads."""
    return next(iter(report.timings(report.candidate.label, against=report.original.label)), None)


def headline_setting(report: Report) -> Setting | None:
    """Batch size and thread count of the headline latency; ``None`` where it was not measured."""
    timing = headline_latency(report)
    return None if timing is None else setting_of(timing)


def timing_at(report: Report, label: str, *, against: str, setting: Setting | None) -> LatencyComparison | None:
    """Two rows' timing at one setting; ``None`` where they were not timed so."""
    return next((row for row in report.timings(label, against=against) if setting_of(row) == setting), None)


def how_timed(report: Report) -> str | None:
    """The protocol of the timings in a sentence; ``None`` where nothing was timed."""
    timings = [row.comparison for row in report.latency]
    if not timings:
        return None
    used, pairs = sum(timing.pairs_used for timing in timings), sum(timing.pairs for timing in timings)
    left_out = " (the others were interrupted by other programs)" if used < pairs else ""
    pinned = sum(timing.pinned for timing in timings)
    cores = f"pinned to cores in {pinned} of {len(timings)} measurements" if pinned else "not pinned to cores"
    if pinned == len(timings):
        cores = "held on as many cores as there are threads (pinned)"
    return (
        "How it was timed: both files in turn in random order, "
        f"{_range([timing.settling_calls for timing in timings], 'untimed call')} of the same file before each timed "
        f"one, {_range([timing.rounds for timing in timings], 'round')} of fresh sessions, {cores}; "
        f"{used:,} of {pairs:,} pairs used{left_out}; 95 % bootstrap intervals; "
        f"differences under {100 * RESOLUTION:.0f} % count as none."
    )


def disturbances(report: Report) -> Iterator[str]:
    """Timings that were noisy or cut short, a note each that lists their settings."""
    noisy = [row for row in report.latency if row.comparison.noisy]
    details = [(row, _noisier_file(row)) for row in noisy]
    if len(noisy) > _MOST_LISTED:
        worst = max(details, key=lambda detail: detail[0].comparison.coefficient_of_variation)
        yield (
            f"noisy timing (medians differ from round to round): {len(noisy)} of {len(report.latency)} measurements, "
            f"marked in the latency tables; most of all {_listed([worst])}"
        )
    elif noisy:
        yield f"noisy timing (medians differ from round to round): {_listed(details)}"
    short = [
        (row, f"{figures.plural(row.comparison.rounds, 'round')}, {figures.plural(row.comparison.pairs, 'pair')}")
        for row in report.latency
        if row.comparison.cut_short
    ]
    if short:
        yield f"timing was cut short, its time was over: {_listed(short)}"


def _range(values: list[int], noun: str) -> str:
    """1 round; 4 to 16 rounds."""
    low, high = min(values), max(values)
    return figures.plural(high, noun) if low == high else f"{low:,} to {figures.plural(high, noun)}"


def _listed(details: list[tuple[LatencyRow, str]]) -> str:
    """Pairs with the settings and a detail of each: "b against a at batch 1, 1 thread (a varies by 12.0 %)"."""
    pairs: dict[str, list[str]] = {}
    for row, detail in details:
        pair = f"{row.candidate} against {row.original}"
        pairs.setdefault(pair, []).append(f"{setting_of(row.comparison)} ({detail})")
    return "; ".join(f"{pair} at {' and '.join(settings)}" for pair, settings in pairs.items())


def _noisier_file(row: LatencyRow) -> str:
    sides = {row.original: row.comparison.original, row.candidate: row.comparison.candidate}
    label, side = max(sides.items(), key=lambda named: named[1].coefficient_of_variation)
    return f"{label} varies by {figures.percent(side.coefficient_of_variation)}"
