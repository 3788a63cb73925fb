"""The verdict in plain words: what was gained, what was lost, and what to keep in mind."""

from dataclasses import dataclass

from compress.report import figures
from compress.report.model import Report
from compress.verify.accuracy import AccuracyDrop
from exporters.latency import LatencyComparison


@dataclass(frozen=True)
class VerdictText:
    """Sentences without markup; intervals are at 95 %."""

    headline: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    caveats: tuple[str, ...]


def state_verdict(report: Report) -> VerdictText:
    """Put the report's numbers into words; a difference whose interval holds "none" is not called one."""
    gained: list[str] = _sizes(report)
    lost: list[str] = []
    drop = report.candidate.drop
    assert drop is not None  # the report's own rule
    (gained if drop.high < 0 else lost).append(_accuracy(report, drop))
    timing = headline_latency(report)
    if timing is not None:
        (lost if timing.verdict == "slower" else gained).append(_latency(timing))
    data = report.data
    return VerdictText(
        headline=(
            f"{report.candidate.label} against {report.original.label}: {_what(report)}"
            f"{data.name}, {figures.plural(data.test, 'test image')} of {data.image_size} x {data.image_size} px"
        ),
        gained=tuple(gained),
        lost=tuple(lost),
        caveats=(*_caveats(report), *report.notes),
    )


def headline_latency(report: Report) -> LatencyComparison | None:
    """Original against candidate with the smallest batch and the fewest threads."""
    return next(iter(report.timings(report.candidate.label, against=report.original.label)), None)


def _what(report: Report) -> str:
    return "" if report.run is None else f"{report.run.config.get('arch', 'network')} on "


def _sizes(report: Report) -> list[str]:
    before, after = report.original, report.candidate
    budget = None if report.run is None else report.run.budget

    def asked(fraction: float | None) -> str:
        return "" if fraction is None else f" (asked: {figures.percent(fraction)})"

    return [
        f"file {figures.file_size(before.size_bytes)} -> {figures.file_size(after.size_bytes)}, "
        f"{before.size_bytes / after.size_bytes:.2f}x smaller",
        f"MACs {figures.count(before.macs)} -> {figures.count(after.macs)}, "
        f"{figures.percent(after.kept_macs)} kept{asked(budget and budget.asked_macs)}",
        f"parameters {figures.count(before.parameters)} -> {figures.count(after.parameters)}, "
        f"{figures.percent(after.kept_parameters)} kept{asked(budget and budget.asked_parameters)}",
    ]


def _latency(row: LatencyComparison) -> str:
    where = f"batch {row.batch_size}, {figures.plural(row.threads, 'thread')}"
    ratio = f"{row.ratio:.2f}x as fast, {figures.span(row.ratio_low, row.ratio_high)}"
    words = ", no difference shown" if row.verdict == "no difference" else ""
    times = " -> ".join(f"{figures.milliseconds(timing.p50_ms)} ms" for timing in (row.original, row.candidate))
    return f"latency {times}, {ratio} ({where}{words})"


def _accuracy(report: Report, drop: AccuracyDrop) -> str:
    rates = f"Top-1 {figures.rate(report.original.accuracy.top1)} -> {figures.rate(report.candidate.accuracy.top1)}"
    if drop.high < 0:
        return f"{rates}, {-drop.points:.2f} points better, {figures.span(-drop.high, -drop.low)}"
    words = "" if drop.low > 0 else " (no difference shown)"
    return f"{rates}, {drop.points:.2f} points lost, {figures.span(drop.low, drop.high)}{words}"


def _caveats(report: Report) -> list[str]:
    before, after = report.original, report.candidate
    lines = []
    if before.epochs is not None and after.epochs is not None and before.epochs != after.epochs:
        lines.append(
            f"not trained equally long: {before.label} {before.epochs} epochs, {after.label} {after.epochs} epochs"
        )
    lines += [
        f"{row.label}: torch and onnxruntime differ by {figures.small(row.parity.max_abs_difference)}, "
        f"more than {figures.small(row.parity.tolerance)}"
        for row in report.networks
        if row.parity is not None and not row.parity.passed
    ]
    if report.run is not None and report.run.removal.max_abs_difference > report.run.removal.tolerance:
        lines.append(
            f"masked and smaller network differ by {figures.small(report.run.removal.max_abs_difference)}, "
            f"more than {figures.small(report.run.removal.tolerance)}"
        )
    lines += [
        f"noisy timing at batch {row.batch_size}, {figures.plural(row.threads, 'thread')}: medians of the "
        f"{row.rounds} rounds vary by {figures.percent(row.coefficient_of_variation)}"
        for row in (pair.comparison for pair in report.latency)
        if row.noisy
    ]
    if report.run is not None and report.run.budget.note:
        lines.append(report.run.budget.note)
    return lines
