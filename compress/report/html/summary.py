"""The page's first screen: large numbers, a line a network, and what INT8 and the like cost and brought."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from compress.report import figures
from compress.report.html.changes import Tone, drop_interval, drop_tone, signed
from compress.report.html.pictures import series_numbers, settings_of, timings_at
from compress.report.model import NetworkRow, Report
from compress.report.verdict import headline_latency
from exporters.write.quantize import Quantization

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
    """What a reader wants to know first: speed, accuracy, size, work."""
    before, after = report.original, report.candidate
    timing = headline_latency(report)
    if timing is not None:
        times = _ARROW.join(figures.milliseconds(side.p50_ms) for side in (timing.original, timing.candidate))
        tones: dict[str, Tone] = {"faster": "good", "slower": "bad", "no difference": "plain"}
        yield Tile(
            name=f"Speed (batch {timing.batch_size}, {figures.plural(timing.threads, 'thread')})",
            value=f"{timing.ratio:.2f}{_TIMES}",
            unit="as fast",
            interval=_interval(
                figures.span(timing.ratio_low, timing.ratio_high), shown=timing.verdict != "no difference"
            ),
            change=f"{times} ms",
            tone=tones[timing.verdict],
        )
    drop = after.drop
    assert drop is not None  # the report's own rule
    rates = _ARROW.join(figures.rate(row.accuracy.top1) for row in (before, after))
    tone = drop_tone(drop)
    interval = _interval(drop_interval(drop), shown=tone != "plain")
    yield Tile("Top-1", signed(-drop.points), "points", interval, rates, tone)
    yield _shrinking("File", before.size_bytes, after.size_bytes, figures.file_size)
    for name, old, new in (("MACs", before.macs, after.macs), ("Parameters", before.parameters, after.parameters)):
        if old and new:  # a file from elsewhere may hold no layer that is counted
            yield _shrinking(name, old, new, figures.count)


def _shrinking(name: str, before: int, after: int, show: Callable[[int], str]) -> Tile:
    ratio = before / after
    fewer, more = ("smaller", "larger") if name == "File" else ("fewer", "more")
    factor = ratio if ratio >= 1 else 1 / ratio
    tone: Tone = "good" if ratio > 1.005 else "bad" if ratio < 0.995 else "plain"
    unit = {"good": fewer, "bad": more, "plain": "the same"}[tone]
    return Tile(name, f"{factor:.2f}{_TIMES}", unit, "", f"{show(before)}{_ARROW}{show(after)}", tone)


def _interval(interval: str, *, shown: bool) -> str:
    return f"95 %: {interval}{'' if shown else ', no difference shown'}"


@dataclass(frozen=True)
class Result:
    """A network's line in the table of results; ``None`` is shown as a dash."""

    series: int
    row: NetworkRow
    milliseconds: str | None
    ratio: str | None
    ratio_interval: str


def results(report: Report) -> Iterator[Result]:
    """Every network, at the smallest batch and the fewest threads."""
    colours, settings = series_numbers(report), settings_of(report)
    timings = timings_at(report, *settings[0]) if settings else {}
    for row in report.networks:
        timing = timings.get(row.label)
        pair = next(
            (
                found
                for found in report.timings(row.label, against=report.original.label)
                if (found.batch_size, found.threads) == settings[0]
            ),
            None,
        )
        yield Result(
            series=colours[row.label],
            row=row,
            milliseconds=None if timing is None else figures.milliseconds(timing.p50_ms),
            ratio=None if pair is None else f"{pair.ratio:.2f}{_TIMES}",
            ratio_interval="" if pair is None else figures.span(pair.ratio_low, pair.ratio_high),
        )


def origin_lines(report: Report) -> Iterator[str]:
    """What each file that was made from another one cost and brought, against that one."""
    for row in report.networks:
        if row.origin is None:
            continue
        made, source = row.origin, next(one for one in report.networks if one.label == row.origin.source)
        said = [f"Top-1 {signed(-made.drop.points)} points ({drop_interval(made.drop)})"]
        said += [
            f"{pair.ratio:.2f}{_TIMES} as fast ({figures.span(pair.ratio_low, pair.ratio_high)}; batch "
            f"{pair.batch_size}, {figures.plural(pair.threads, 'thread')})"
            for pair in report.timings(row.label, against=source.label)[:1]
        ]
        said.append(f"file {figures.file_size(source.size_bytes)}{_ARROW}{figures.file_size(row.size_bytes)}")
        if made.quantization is not None:
            said.append(_how(made.quantization))
        yield f"{row.label} against {source.label}: {'; '.join(said)}."


def _how(made: Quantization) -> str:
    channels = "per channel" if made.per_channel else "per tensor"
    reduced = ", reduced range" if made.reduced_range else ""
    floats = f", {figures.plural(len(made.left_float), 'node')} left in float" if made.left_float else ""
    images = figures.plural(made.calibration_images, "training image")
    return (
        f"{made.scheme}, calibrated ({made.calibration}) on {images}, "
        f"weights {made.weights} {channels}, activations {made.activations}{reduced}{floats}"
    )
