"""Tables of latency: the ratio that decides, percentiles, and where the time goes."""

from collections.abc import Iterator

from compress.report import figures
from compress.report.model import LatencyRow, Report
from compress.report.tables import Table
from compress.report.verdict import headline_latency
from exporters.measure.comparison import LatencyComparison
from exporters.measure.profile import LayerTime


def latency_table(report: Report) -> Table:
    """The candidate against the original, at every setting."""
    timings = report.timings(report.candidate.label, against=report.original.label)
    return _pair_table(report.original.label, report.candidate.label, timings)


def pair_tables(report: Report) -> Iterator[Table]:
    """Every other pair, a table each, in the report's order."""
    first = (report.original.label, report.candidate.label)
    for before, after in dict.fromkeys((row.original, row.candidate) for row in report.latency):
        if (before, after) != first:
            yield _pair_table(before, after, report.timings(after, against=before))


def other_latency_table(report: Report) -> Table:
    """Every other pair at the headline's setting, the smallest batch and the fewest threads."""
    headline = headline_latency(report)
    first = (report.original.label, report.candidate.label)
    chosen = [
        row
        for row in report.latency
        if headline is not None
        and (row.original, row.candidate) != first
        and (row.comparison.batch_size, row.comparison.threads) == (headline.batch_size, headline.threads)
    ]
    where = "" if headline is None else f" (median ms; {setting(headline)})"
    return Table(
        title=f"Latency of the other files{where}",
        columns=("network", "against", "before", "after", "ratio", "95 %", "verdict"),
        rows=tuple(
            (row.candidate, row.original, *_numbers(row.comparison), _verdict(row.comparison)) for row in chosen
        ),
    )


def percentile_table(report: Report) -> Table:
    """Percentiles, where the samples allow them, throughput and steadiness."""
    return Table(
        title="Latency percentiles (ms per call; a dash: too few samples; CV: between rounds)",
        columns=("network", "against", "batch", "threads", "samples", "p50", "95 %", "p90", "p99", "images/s", "CV"),
        rows=tuple(_percentiles(report.latency)),
    )


def operator_table(report: Report, *, most: int | None = None) -> Table:
    """Time per layer, original beside candidate: those the candidate spends most time in first.

    Args:
        report: the report.
        most: only so many rows, in a narrow table without kinds; all where ``None``.
    """
    profile = report.operators
    if profile is None:
        return Table("Where the time goes", (), ())
    layers = sorted(profile.layers, key=lambda layer: -(layer.candidate_ms or 0.0))
    rest = "" if most is None or len(layers) <= most else f"; {most} of {len(layers)} layers"
    sums = [sum(getattr(layer, name) or 0.0 for layer in layers) for name in ("original_ms", "candidate_ms")]
    total = LayerTime("all layers", "", sums[0], sums[1], macs_kept=None, note="")
    kinds = most is None
    return Table(
        title=f"Where the time goes (ms per call, profiled: batch {profile.batch_size}, "
        f"{figures.plural(profile.threads, 'thread')}{rest})",
        columns=("layer", *(("kind",) if kinds else ()), "before", "after", "ratio", "MACs kept", "note"),
        rows=tuple(_layer(layer, kinds=kinds) for layer in (*layers[:most], total)),
    )


def setting(row: LatencyComparison) -> str:
    """A setting in words: batch 1, 2 threads."""
    return f"batch {row.batch_size}, {figures.plural(row.threads, 'thread')}"


def _pair_table(before: str, after: str, timings: tuple[LatencyComparison, ...]) -> Table:
    return Table(
        title=f"Latency, {before} -> {after} (median ms per call; images/s: {after})",
        columns=("batch", "threads", "before", "after", "ratio", "95 %", "images/s", "verdict"),
        rows=tuple(
            (
                str(row.batch_size),
                str(row.threads),
                *_numbers(row),
                figures.count(row.candidate.images_per_second),
                _verdict(row),
            )
            for row in timings
        ),
    )


def _numbers(row: LatencyComparison) -> tuple[str, ...]:
    medians = (figures.milliseconds(side.p50_ms) for side in (row.original, row.candidate))
    return (*medians, f"{row.ratio:.2f}x", figures.span(row.ratio_low, row.ratio_high))


def _verdict(row: LatencyComparison) -> str:
    return row.verdict + (", noisy" if row.noisy else "")


def _percentiles(pairs: tuple[LatencyRow, ...]) -> Iterator[tuple[str, ...]]:
    for pair in pairs:
        row = pair.comparison
        sides = ((pair.original, pair.candidate, row.original), (pair.candidate, pair.original, row.candidate))
        for label, against, timing in sides:
            yield (
                label,
                against,
                str(row.batch_size),
                str(row.threads),
                f"{timing.samples:,}",
                figures.milliseconds(timing.p50_ms),
                f"{figures.milliseconds(timing.p50_low_ms)} to {figures.milliseconds(timing.p50_high_ms)}",
                figures.milliseconds(timing.p90_ms),
                figures.milliseconds(timing.p99_ms),
                figures.count(timing.images_per_second),
                figures.percent(timing.coefficient_of_variation),
            )


def _layer(layer: LayerTime, *, kinds: bool) -> tuple[str, ...]:
    before, after = layer.original_ms, layer.candidate_ms
    return (
        layer.layer,
        *((layer.kind,) if kinds else ()),
        figures.milliseconds(before),
        figures.milliseconds(after),
        f"{before / after:.2f}x" if before and after else "-",
        "-" if layer.macs_kept is None else figures.percent(layer.macs_kept),
        layer.note,
    )
