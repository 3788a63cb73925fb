"""The key numbers of a verdict: speed, accuracy, size, work."""

from collections.abc import Callable, Iterator
from typing import Final

from compress.report import figures
from compress.report.model import Report
from compress.report.outcomes import TONES, Outcome, drop_outcome, size_outcome, timing_outcome
from compress.report.sections import Tile
from compress.report.timings import headline_latency, setting_of
from compress.report.verdict_words import UNSHOWN

_TIMES: Final = "\N{MULTIPLICATION SIGN}"


def tiles(report: Report) -> Iterator[Tile]:
    """What a reader wants to know first, judged as in the sentences below it."""
    before, after = report.original, report.candidate
    timing = headline_latency(report)
    if timing is not None:
        times = " -> ".join(figures.milliseconds(side.p50_ms) for side in (timing.original, timing.candidate))
        outcome = timing_outcome(timing)
        yield Tile(
            name=f"Speed ({setting_of(timing)})",
            value=f"{timing.ratio:.2f}{_TIMES}",
            unit="as fast",
            change=f"{times} ms{' (noisy)' if timing.noisy else ''}",
            interval=_interval(figures.span(timing.ratio_low, timing.ratio_high), outcome),
            tone=TONES[outcome],
        )
    drop = after.drop
    assert drop is not None  # Report checks it
    outcome = drop_outcome(drop)
    yield Tile(
        name="Top-1",
        value=figures.change(drop).replace("-", "\N{MINUS SIGN}"),
        unit="points",
        change=" -> ".join(figures.rate(row.accuracy.top1) for row in (before, after)),
        interval=_interval(figures.change_interval(drop).replace("-", "\N{MINUS SIGN}"), outcome),
        tone=TONES[outcome],
    )
    yield _size_tile("File", before.size_bytes, after.size_bytes, figures.file_size)
    for name, old, new in (("MACs", before.macs, after.macs), ("Parameters", before.parameters, after.parameters)):
        if old and new:  # a file from elsewhere may hold no layer that is counted
            yield _size_tile(name, old, new, figures.count)


def _size_tile(name: str, before: int, after: int, show: Callable[[int], str]) -> Tile:
    outcome = size_outcome(before, after)
    fewer, more = ("smaller", "larger") if name == "File" else ("fewer", "more")
    unit = {"gained": fewer, "lost": more, "same": "the same"}[outcome]
    factor = max(before / after, after / before)
    return Tile(name, f"{factor:.2f}{_TIMES}", unit, f"{show(before)} -> {show(after)}", tone=TONES[outcome])


def _interval(interval: str, outcome: Outcome) -> str:
    return f"95 %: {interval}{f', {UNSHOWN}' if outcome == 'same' else ''}"
