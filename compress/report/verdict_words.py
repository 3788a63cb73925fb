"""The verdict in plain words: which gates held, what was gained and lost, and what to keep in mind."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from compress.report import figures
from compress.report.gate_words import gate_sentence
from compress.report.model import NetworkRow, Report
from compress.report.outcomes import Outcome, drop_outcome, size_outcome, timing_outcome
from compress.report.results import AccuracyDrop, GateResult
from compress.report.sections import Statements
from compress.report.timings import disturbances, headline_latency, headline_setting, setting_of, timing_at
from exporters.measure.comparison import LatencyComparison

UNSHOWN: Final = "no difference shown"


def headline(report: Report) -> str:
    """The network, the data and the number of images that the verdict is about."""
    data = report.data
    arch = "" if report.run is None else f"{report.run.config.get('arch', 'network')} on "
    return f"{arch}{data.name}, {figures.plural(data.test, 'test image')}, {data.image_size} px"


def state_verdict(report: Report) -> tuple[Statements, ...]:
    """The report's numbers as sentences; a difference counts as none if its interval contains "none"."""
    found: dict[Outcome, list[str]] = {"gained": [], "lost": [], "same": []}
    for sentence, outcome in chain(_sizes(report), _accuracy(report), _latency(report)):
        found[outcome].append(sentence)
    labelled = {
        "FAILED": [_gate(report, gate) for gate in report.gates if not gate.passed],
        "passed": [_gate(report, gate) for gate in report.gates if gate.passed],
        "gained": found["gained"],
        "lost": found["lost"],
        UNSHOWN: found["same"],
        "also": [_other(report, row) for row in report.networks if row.source is not None],
        "note": [*_caveats(report), *report.notes],
    }
    return tuple(Statements(label, tuple(sentences)) for label, sentences in labelled.items() if sentences)


def change_words(drop: AccuracyDrop, *, against: str = "") -> str:
    """A change of Top-1: "1.25 points lost (2.77 gained to 5.29 lost)", "unchanged (1.00 gained to 1.00 lost)".

    Args:
        drop: the change.
        against: label of what it is against; then it is also said where no difference is shown.
    """
    if drop.low < 0 < drop.high:
        interval = f"{-drop.low:.2f} gained to {drop.high:.2f} lost"
    else:
        interval = figures.span(*sorted((abs(drop.low), abs(drop.high))))
    size = figures.hundredths(abs(drop.points))
    amount = "unchanged" if drop.points == 0 else f"{size} points {'lost' if drop.points > 0 else 'gained'}"
    if not against:
        return f"{amount} ({interval})"
    return f"{amount} against {against} ({interval}{_unshown(drop_outcome(drop))})"


Sentence = tuple[str, Outcome]


def _sizes(report: Report) -> Iterator[Sentence]:
    before, after = report.original, report.candidate
    budget = report.run.budget if report.run else None
    files = f"file {figures.file_size(before.size_bytes)} -> {figures.file_size(after.size_bytes)}"
    outcome = size_outcome(before.size_bytes, after.size_bytes)
    yield f"{files}, {_smaller(before.size_bytes, after.size_bytes, outcome)}", outcome
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
        words = f"{name} {figures.count(old)} -> {figures.count(new)}, {figures.percent(kept)} kept{wish}"
        yield words, size_outcome(old, new)


def _smaller(before: int, after: int, outcome: Outcome) -> str:
    if outcome == "same":
        return "the same size"
    return f"{before / after:.2f}x smaller" if outcome == "gained" else f"{after / before:.2f}x larger"


def _accuracy(report: Report) -> Iterator[Sentence]:
    drop = report.candidate.drop
    assert drop is not None  # the report's own rule
    rates = " -> ".join(figures.rate(row.accuracy.top1) for row in (report.original, report.candidate))
    yield f"Top-1 {rates}, {change_words(drop)}, {_wrong(drop)}", drop_outcome(drop)


def _wrong(drop: AccuracyDrop) -> str:
    more = drop.only_original_right - drop.only_candidate_right
    amount = "as many" if more == 0 else f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
    return f"{amount} of {figures.plural(drop.images, 'image')} wrong"


def _latency(report: Report) -> Iterator[Sentence]:
    row = headline_latency(report)
    if row is not None:
        times = " -> ".join(f"{figures.milliseconds(side.p50_ms)} ms" for side in (row.original, row.candidate))
        where = f"{setting_of(row)}{', noisy' if row.noisy else ''}"
        interval = figures.span(row.ratio_low, row.ratio_high)
        yield f"latency {times}, {row.ratio:.2f}x as fast, {interval} ({where})", timing_outcome(row)


def _other(report: Report, row: NetworkRow) -> str:
    """An INT8 or FP16 file against the original and against the file it was made from."""
    assert row.source is not None and row.drop is not None and row.source_drop is not None  # noqa: PT018
    drops = {report.original.label: row.drop, row.source: row.source_drop}
    setting = headline_setting(report)
    timed_against = dict.fromkeys(pair.original for pair in report.latency if pair.candidate == row.label)
    timed = {label: timing_at(report, row.label, against=label, setting=setting) for label in timed_against}
    ratios = [_ratio(label, timing) for label, timing in timed.items() if timing is not None]
    speed = [f"{', '.join(ratios)}, at {setting}"] if ratios else []
    changes = [change_words(drop, against=label) for label, drop in drops.items()]
    accuracy = f"Top-1 {figures.rate(row.accuracy.top1)}, {', '.join(changes)}"
    return f"{row.label}: {'; '.join([*speed, accuracy, figures.file_size(row.size_bytes)])}"


def _ratio(label: str, timing: LatencyComparison) -> str:
    noisy = ", noisy" if timing.noisy else ""
    interval = figures.span(timing.ratio_low, timing.ratio_high)
    return f"{timing.ratio:.2f}x as fast as {label} ({interval}{_unshown(timing_outcome(timing))}{noisy})"


def _unshown(outcome: Outcome) -> str:
    return f", {UNSHOWN}" if outcome == "same" else ""


def _gate(report: Report, gate: GateResult) -> str:
    return gate_sentence(gate) + ("" if gate.network == report.candidate.label else f" ({gate.network})")


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
    yield from disturbances(report)


def _apart(difference: float, tolerance: float) -> str:
    return f"{figures.small(difference)}, more than {figures.small(tolerance)}"
