"""The page's first screen: large numbers, and a line a network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from compress.report import figures
from compress.report.html.changes import TONES, Tone, drop_interval, signed
from compress.report.html.pictures import numbers, series_numbers
from compress.report.model import NetworkRow, Report
from compress.report.outcomes import Outcome, drop_outcome, size_outcome, timing_outcome
from compress.report.timings import headline_latency, headline_setting, setting_of, timing_at
from compress.report.verdict import UNSHOWN

_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_ARROW: Final = " \N{RIGHTWARDS ARROW} "


@dataclass(frozen=True)
class Tile:
    """One of the large numbers at the top."""

    name: str
    value: str
    unit: str
    interval: str
    change: str
    tone: Tone


def tiles(report: Report) -> Iterator[Tile]:
    """What a reader wants to know first: speed, accuracy, size, work; judged as in the lists below them."""
    before, after = report.original, report.candidate
    timing = headline_latency(report)
    if timing is not None:
        times = _ARROW.join(figures.milliseconds(side.p50_ms) for side in (timing.original, timing.candidate))
        outcome = timing_outcome(timing)
        yield Tile(
            name=f"Speed ({setting_of(timing)})",
            value=f"{timing.ratio:.2f}{_TIMES}",
            unit="as fast",
            interval=_interval(figures.span(timing.ratio_low, timing.ratio_high), outcome),
            change=f"{times} ms{' (noisy)' if timing.noisy else ''}",
            tone=TONES[outcome],
        )
    drop = after.drop
    assert drop is not None  # the report's own rule
    rates = _ARROW.join(figures.rate(row.accuracy.top1) for row in (before, after))
    outcome = drop_outcome(drop)
    interval = _interval(drop_interval(drop), outcome)
    yield Tile("Top-1", signed(-drop.points), "points", interval, rates, TONES[outcome])
    yield _shrinking("File", before.size_bytes, after.size_bytes, figures.file_size)
    for name, old, new in (("MACs", before.macs, after.macs), ("Parameters", before.parameters, after.parameters)):
        if old and new:  # a file from elsewhere may hold no layer that is counted
            yield _shrinking(name, old, new, figures.count)


def _shrinking(name: str, before: int, after: int, show: Callable[[int], str]) -> Tile:
    outcome = size_outcome(before, after)
    fewer, more = ("smaller", "larger") if name == "File" else ("fewer", "more")
    unit = {"gained": fewer, "lost": more, "same": "the same"}[outcome]
    factor = max(before / after, after / before)
    return Tile(name, f"{factor:.2f}{_TIMES}", unit, "", f"{show(before)}{_ARROW}{show(after)}", TONES[outcome])


def _interval(interval: str, outcome: Outcome) -> str:
    return f"95 %: {interval}{f', {UNSHOWN}' if outcome == 'same' else ''}"


@dataclass(frozen=True)
class Result:
    """A network's line in the table of results; ``None`` is shown as a dash, but for no number."""

    series: int
    number: int | None
    row: NetworkRow
    milliseconds: str | None
    ratio: str | None
    ratio_interval: str


def results(report: Report) -> Iterator[Result]:
    """Every network, at the headline's setting; its milliseconds are those of its pair with the original."""
    colours, setting, original = series_numbers(report), headline_setting(report), report.original.label
    numbered = numbers(report)
    for row in report.networks:
        pair = timing_at(report, row.label, against=original, setting=setting)
        timing = None if pair is None else pair.candidate
        if row.label == original:
            headline = headline_latency(report)
            timing = None if headline is None else headline.original
        yield Result(
            series=colours[row.label],
            number=numbered.get(row.label),
            row=row,
            milliseconds=None if timing is None else figures.milliseconds(timing.p50_ms),
            ratio=None if pair is None else f"{pair.ratio:.2f}{_TIMES}",
            ratio_interval="" if pair is None else figures.span(pair.ratio_low, pair.ratio_high),
        )
