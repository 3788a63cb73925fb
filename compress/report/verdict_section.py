"""The verdict as key numbers and sentences: which gates held, what was gained and lost, and what to keep in mind."""

from collections.abc import Iterator
from typing import Final

from compress.report import figures
from compress.report.devices.sections import device_sentences
from compress.report.figures import TONES, Outcome, drop_outcome, gate_sentence, size_outcome, timing_outcome
from compress.report.int8_tables import int8_caveats
from compress.report.latency_target import target_words
from compress.report.model import NetworkRow, Report
from compress.report.results import AccuracyDrop
from compress.report.sections import Section, Statements, Tile
from compress.report.timings import (
    disturbances,
    headline_latency,
    headline_setting,
    how_timed,
    on_provider,
    setting_of,
    timing_at,
)
from exporters.measure.latency_results import LatencyComparison

UNSHOWN: Final = "no difference shown"
_TIMES, _MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"


def headline(report: Report) -> str:
    """The network, the data and the number of images that the verdict is about."""
    data = report.data
    arch = "" if report.run is None else f"{report.run.config.get('arch', 'network')} on "
    images = figures.plural(data.test, "test image")
    return f"{arch}{data.name}, {images}, {data.image_size} px{on_provider(report, ', measured on ')}"


def verdict_section(report: Report) -> Section:
    """What was gained and lost, in numbers and sentences."""
    timed = how_timed(report)
    return Section(
        "Verdict",
        tiles=tuple(_tiles(report)),
        statements=state_verdict(report),
        texts=("Intervals are at 95 %." + (f" {timed}" if timed else ""),),
    )


def state_verdict(report: Report) -> tuple[Statements, ...]:
    """The report's numbers as sentences; a difference counts as none if its interval contains "none"."""
    labelled: dict[str, list[str]] = {label: [] for label in ("FAILED", "passed", "gained", "lost", UNSHOWN)}
    for gate in report.gates:
        network = "" if gate.network == report.candidate.label else f" ({gate.network})"
        labelled["passed" if gate.passed else "FAILED"].append(gate_sentence(gate) + network)
    for sentence, outcome in _changes(report):
        labelled[UNSHOWN if outcome == "same" else outcome].append(sentence)
    others = (_other_file(report, row) for row in report.networks if row.source is not None)
    labelled["also"] = [*others, *device_sentences(report)]
    labelled["note"] = [*_caveats(report), *report.notes]
    return tuple(Statements(label, tuple(sentences)) for label, sentences in labelled.items() if sentences)


def change_words(drop: AccuracyDrop, *, against: str = "") -> str:
    """A change of Top-1: "1.25 points lost (2.77 gained to 5.29 lost)", "unchanged (1.00 gained to 1.00 lost)".

    With ``against``, the label of the other file, the words also state whether no difference is shown.
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


def _tiles(report: Report) -> Iterator[Tile]:
    """Speed, accuracy, size and work, judged as in the sentences below them."""
    before, after, drop, timing = report.original, report.candidate, report.drop, headline_latency(report)
    if timing is not None:
        outcome = timing_outcome(timing)
        times = " -> ".join(figures.milliseconds(side.p50_ms) for side in (timing.original, timing.candidate))
        yield Tile(
            name=f"Speed ({setting_of(timing)}{on_provider(report, ', ')})",
            value=f"{timing.ratio:.2f}{_TIMES}",
            unit="as fast",
            change=f"{times} ms{' (noisy)' if timing.noisy else ''}",
            interval=f"95 %: {figures.span(timing.ratio_low, timing.ratio_high)}{_unshown(outcome)}",
            tone=TONES[outcome],
        )
    outcome = drop_outcome(drop)
    yield Tile(
        name="Top-1",
        value=figures.change(drop).replace("-", _MINUS),
        unit="points",
        change=_top1_change(report),
        interval=f"95 %: {figures.change_interval(drop).replace('-', _MINUS)}{_unshown(outcome)}",
        tone=TONES[outcome],
    )
    for name, old, new, show, units in (
        ("File", before.size_bytes, after.size_bytes, figures.file_size, ("smaller", "larger")),
        ("MACs", before.macs, after.macs, figures.count, ("fewer", "more")),
        ("Parameters", before.parameters, after.parameters, figures.count, ("fewer", "more")),
    ):
        if old and new:  # a file from elsewhere may hold no layer that is counted
            outcome = size_outcome(old, new)
            unit = {"gained": units[0], "lost": units[1], "same": "the same"}[outcome]
            factor = f"{max(old / new, new / old):.2f}{_TIMES}"
            yield Tile(name, factor, unit, f"{show(old)} -> {show(new)}", tone=TONES[outcome])


def _changes(report: Report) -> Iterator[tuple[str, Outcome]]:
    """Size, work, accuracy and latency in sentences."""
    before, after = report.original, report.candidate
    old, new = before.size_bytes, after.size_bytes
    outcome = size_outcome(old, new)
    factor = {"same": "the same size", "gained": f"{old / new:.2f}x smaller", "lost": f"{new / old:.2f}x larger"}
    yield f"file {figures.file_size(old)} -> {figures.file_size(new)}, {factor[outcome]}", outcome
    budget = None if report.run is None else report.run.budget
    for name, attribute in (("MACs", "macs"), ("parameters", "parameters")):
        old, new, kept = getattr(before, attribute), getattr(after, attribute), getattr(after, f"kept_{attribute}")
        asked = getattr(budget, f"asked_{attribute}", None)
        wish = "" if asked is None else f" (asked: {figures.percent(asked)})"
        words = f"{name} {figures.count(old)} -> {figures.count(new)}, {figures.percent(kept)} kept{wish}"
        yield words, size_outcome(old, new)
    drop = report.drop
    more = drop.only_original_right - drop.only_candidate_right
    amount = "as many" if more == 0 else f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
    wrong = f"{amount} of {figures.plural(drop.images, 'image')} wrong"
    yield f"Top-1 {_top1_change(report)}, {change_words(drop)}, {wrong}", drop_outcome(drop)
    row = headline_latency(report)
    if row is not None:
        times = " -> ".join(f"{figures.milliseconds(side.p50_ms)} ms" for side in (row.original, row.candidate))
        where = f"{setting_of(row)}{on_provider(report, ', ')}{', noisy' if row.noisy else ''}"
        interval = figures.span(row.ratio_low, row.ratio_high)
        yield f"latency {times}, {row.ratio:.2f}x as fast, {interval} ({where})", timing_outcome(row)
    if (target := target_words(report)) is not None:
        yield target


def _top1_change(report: Report) -> str:
    return " -> ".join(figures.rate(row.accuracy.top1) for row in (report.original, report.candidate))


def _other_file(report: Report, row: NetworkRow) -> str:
    """An INT8 or FP16 file against the original and against the file it was made from."""
    assert row.source is not None and row.drop is not None and row.source_drop is not None  # noqa: PT018
    setting = headline_setting(report)
    timed_against = dict.fromkeys(pair.original for pair in report.latency if pair.candidate == row.label)
    timed = {label: timing_at(report, row.label, against=label, setting=setting) for label in timed_against}
    ratios = [_ratio(label, timing) for label, timing in timed.items() if timing is not None]
    speed = [f"{', '.join(ratios)}, at {setting}"] if ratios else []
    drops = {report.original.label: row.drop, row.source: row.source_drop}
    changes = [change_words(drop, against=label) for label, drop in drops.items()]
    accuracy = f"Top-1 {figures.rate(row.accuracy.top1)}, {', '.join(changes)}"
    return f"{row.label}: {'; '.join([*speed, accuracy, figures.file_size(row.size_bytes)])}"


def _ratio(label: str, timing: LatencyComparison) -> str:
    noisy = ", noisy" if timing.noisy else ""
    interval = figures.span(timing.ratio_low, timing.ratio_high)
    return f"{timing.ratio:.2f}x as fast as {label} ({interval}{_unshown(timing_outcome(timing))}{noisy})"


def _unshown(outcome: Outcome) -> str:
    return f", {UNSHOWN}" if outcome == "same" else ""


def _caveats(report: Report) -> Iterator[str]:
    before, after = report.original, report.candidate
    if before.epochs is not None and after.epochs is not None and before.epochs != after.epochs:
        yield f"not trained equally long: {before.label} {before.epochs} epochs, {after.label} {after.epochs} epochs"
    for row in report.networks:
        if row.parity is not None and not row.parity.passed:
            apart = _apart(row.parity.max_abs_difference, row.parity.tolerance)
            yield f"{row.label}: torch and onnxruntime differ by {apart}"
    yield from int8_caveats(report)
    if report.run is not None:
        removal, note = report.run.removal, report.run.budget.note
        if removal.max_abs_difference > removal.tolerance:
            yield f"masked and smaller network differ by {_apart(removal.max_abs_difference, removal.tolerance)}"
        if note:
            yield note
    yield from disturbances(report)


def _apart(difference: float, tolerance: float) -> str:
    return f"{figures.small(difference)}, more than {figures.small(tolerance)}"
