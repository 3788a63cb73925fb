"""The verdict in plain words: what was gained, what was lost, which gates held, and what to keep in mind."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from compress.report import figures
from compress.report.model import NetworkRow, Report
from compress.verify.accuracy import AccuracyDrop
from compress.verify.gates import GateResult, say
from exporters.measure.comparison import LatencyComparison


@dataclass(frozen=True)
class VerdictText:
    """Sentences without markup; intervals are at 95 %.

    Attributes:
        headline: which network against which, on which images.
        gained: what is better, and what shows no difference.
        lost: what is worse, or may be.
        others: one sentence a file made from another file (INT8, FP16).
        kept: gates that hold.
        missed: gates that do not.
        caveats: what to keep in mind.
    """

    headline: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    others: tuple[str, ...]
    kept: tuple[str, ...]
    missed: tuple[str, ...]
    caveats: tuple[str, ...]


def state_verdict(report: Report) -> VerdictText:
    """Put the report's numbers into words; a difference whose interval holds "none" is not called one."""
    gained: list[str] = []
    lost: list[str] = []
    for sentence, worse in chain(_sizes(report), _accuracy(report), _latency(report)):
        (lost if worse else gained).append(sentence)
    data = report.data
    arch = "" if report.run is None else f"{report.run.config.get('arch', 'network')} on "
    return VerdictText(
        headline=(
            f"{report.candidate.label} against {report.original.label}: {arch}{data.name}, "
            f"{figures.plural(data.test, 'test image')}, {data.image_size} px"
        ),
        gained=tuple(gained),
        lost=tuple(lost),
        others=tuple(_other(report, row) for row in report.networks if row.origin is not None),
        kept=tuple(_gate(report, gate) for gate in report.gates if gate.passed),
        missed=tuple(_gate(report, gate) for gate in report.gates if not gate.passed),
        caveats=(*_caveats(report), *report.notes),
    )


def headline_latency(report: Report) -> LatencyComparison | None:
    """Original against candidate with the smallest batch and the fewest threads."""
    return next(iter(report.timings(report.candidate.label, against=report.original.label)), None)


def change_words(drop: AccuracyDrop) -> str:
    """A change of Top-1: "1.25 points lost, -2.77 to 5.29 (no difference shown)"."""
    if drop.points < 0:
        words = f"{-drop.points:.2f} points better, {figures.span(-drop.high, -drop.low)}"
    else:
        words = f"{drop.points:.2f} points lost, {figures.span(drop.low, drop.high)}"
    return words + (" (no difference shown)" if drop.low <= 0 <= drop.high else "")


Sentence = tuple[str, bool]
"""Words, and whether they speak of a loss."""


def _sizes(report: Report) -> Iterator[Sentence]:
    before, after = report.original, report.candidate
    budget = report.run.budget if report.run else None
    files = f"file {figures.file_size(before.size_bytes)} -> {figures.file_size(after.size_bytes)}"
    yield f"{files}, {_smaller(before.size_bytes, after.size_bytes)}", after.size_bytes > before.size_bytes
    for name, old, new, kept, asked in (
        ("MACs", before.macs, after.macs, after.kept_macs, budget.asked_macs if budget else None),
        (
            "parameters",
            before.parameters,
            after.parameters,
            after.kept_parameters,
            budget.asked_parameters if budget else None,
        ),
    ):
        wish = "" if asked is None else f" (asked: {figures.percent(asked)})"
        yield f"{name} {figures.count(old)} -> {figures.count(new)}, {figures.percent(kept)} kept{wish}", new > old


def _smaller(before: int, after: int) -> str:
    return f"{before / after:.2f}x smaller" if after <= before else f"{after / before:.2f}x larger"


def _accuracy(report: Report) -> Iterator[Sentence]:
    drop = report.candidate.drop
    assert drop is not None  # the report's own rule
    rates = " -> ".join(figures.rate(row.accuracy.top1) for row in (report.original, report.candidate))
    yield f"Top-1 {rates}, {change_words(drop)}", drop.points >= 0


def _latency(report: Report) -> Iterator[Sentence]:
    row = headline_latency(report)
    if row is not None:
        words = ", no difference shown" if row.verdict == "no difference" else ""
        where = f"batch {row.batch_size}, {figures.plural(row.threads, 'thread')}{words}"
        times = " -> ".join(f"{figures.milliseconds(side.p50_ms)} ms" for side in (row.original, row.candidate))
        yield f"latency {times}, {_ratio(row)} ({where})", row.verdict == "slower"


def _ratio(row: LatencyComparison) -> str:
    return f"{row.ratio:.2f}x as fast, {figures.span(row.ratio_low, row.ratio_high)}"


def _other(report: Report, row: NetworkRow) -> str:
    """An INT8 or FP16 file against the original and against the file it was made from."""
    assert row.origin is not None and row.drop is not None  # noqa: PT018
    against = dict.fromkeys((report.original.label, row.origin.source))
    ratios = [
        f"{timings[0].ratio:.2f}x as fast as {label} ({figures.span(timings[0].ratio_low, timings[0].ratio_high)})"
        for label in against
        if (timings := report.timings(row.label, against=label))
    ]
    accuracy = f"Top-1 {figures.rate(row.accuracy.top1)}, {change_words(row.drop)}"
    return f"{row.label}: {'; '.join([*ratios, accuracy, figures.file_size(row.size_bytes)])}"


def _gate(report: Report, gate: GateResult) -> str:
    return say(gate) + ("" if gate.network == report.candidate.label else f" ({gate.network})")


def _caveats(report: Report) -> Iterator[str]:
    before, after = report.original, report.candidate
    if before.epochs is not None and after.epochs is not None and before.epochs != after.epochs:
        yield f"not trained equally long: {before.label} {before.epochs} epochs, {after.label} {after.epochs} epochs"
    for row in report.networks:
        if row.parity is not None and not row.parity.passed:
            apart = _apart(row.parity.max_abs_difference, row.parity.tolerance)
            yield f"{row.label}: torch and onnxruntime differ by {apart}"
    if report.run is not None:
        removal, note = report.run.removal, report.run.budget.note
        if removal.max_abs_difference > removal.tolerance:
            yield f"masked and smaller network differ by {_apart(removal.max_abs_difference, removal.tolerance)}"
        if note:
            yield note
    yield from _noise(report)


def _apart(difference: float, tolerance: float) -> str:
    return f"{figures.small(difference)}, more than {figures.small(tolerance)}"


def _noise(report: Report) -> Iterator[str]:
    for pair in report.latency:
        row = pair.comparison
        if row.noisy:
            yield (
                f"noisy timing of {pair.candidate} against {pair.original} at batch {row.batch_size}, "
                f"{figures.plural(row.threads, 'thread')}: medians of the {row.rounds} rounds vary by "
                f"{figures.percent(row.coefficient_of_variation)}"
            )
