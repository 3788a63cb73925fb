"""Timings of a report: which one is the headline, how all were measured, which were disturbed."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from compress.report import figures
from compress.report.model import LatencyRow, Report
from exporters.measure.comparison import RESOLUTION, LatencyComparison

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


def settings_of(report: Report) -> list[Setting]:
    """Every setting that was timed."""
    return sorted({setting_of(row.comparison) for row in report.latency})


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
    used, pairs = (sum(getattr(timing, name) for timing in timings) for name in ("pairs_used", "pairs"))
    left_out = " (the others were interrupted by other programs)" if used < pairs else ""
    return (
        "How it was timed: both files in turn in random order, "
        f"{_range(timings, lambda timing: timing.settling_calls, 'untimed call')} of the same file before each timed "
        f"one, {_range(timings, lambda timing: timing.rounds, 'round')} of fresh sessions, {_pinned(timings)}; "
        f"{used:,} of {pairs:,} pairs used{left_out}; 95 % bootstrap intervals; "
        f"differences under {100 * RESOLUTION:.0f} % count as none."
    )


def disturbances(report: Report) -> Iterator[str]:
    """Timings that were noisy or cut short, a note each that lists their settings."""
    noisy = [row for row in report.latency if row.comparison.noisy]
    if len(noisy) > _MOST_LISTED:
        worst = max(noisy, key=lambda row: row.comparison.coefficient_of_variation)
        yield (
            f"noisy timing (medians differ from round to round): {len(noisy)} of {len(report.latency)} measurements, "
            f"marked in the latency tables; most of all {_listed([worst], _noisiest)}"
        )
    elif noisy:
        yield f"noisy timing (medians differ from round to round): {_listed(noisy, _noisiest)}"
    short = [row for row in report.latency if row.comparison.cut_short]
    if short:
        yield f"timing was cut short, its time was over: {_listed(short, lambda row: _rounds(row.comparison))}"


def _range(timings: list[LatencyComparison], value_of: Callable[[LatencyComparison], int], noun: str) -> str:
    """1 round; 4 to 16 rounds."""
    low, high = (pick(map(value_of, timings)) for pick in (min, max))
    return figures.plural(high, noun) if low == high else f"{low:,} to {figures.plural(high, noun)}"


def _pinned(timings: list[LatencyComparison]) -> str:
    pinned = sum(timing.pinned for timing in timings)
    if pinned == len(timings):
        return "held on as many cores as there are threads (pinned)"
    return "not pinned to cores" if pinned == 0 else f"pinned to cores in {pinned} of {len(timings)} measurements"


def _listed(rows: list[LatencyRow], detail_of: Callable[[LatencyRow], str]) -> str:
    """Pairs with the settings and a detail of each: "b against a at batch 1, 1 thread (a varies by 12.0 %)"."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        words = f"{setting_of(row.comparison)} ({detail_of(row)})"
        pairs.setdefault((row.candidate, row.original), []).append(words)
    return "; ".join(
        f"{candidate} against {original} at {' and '.join(words)}" for (candidate, original), words in pairs.items()
    )


def _noisiest(row: LatencyRow) -> str:
    timing = row.comparison
    label, side = max(
        ((row.original, timing.original), (row.candidate, timing.candidate)),
        key=lambda named: named[1].coefficient_of_variation,
    )
    return f"{label} varies by {figures.percent(side.coefficient_of_variation)}"


def _rounds(timing: LatencyComparison) -> str:
    return f"{figures.plural(timing.rounds, 'round')}, {figures.plural(timing.pairs, 'pair')}"
