"""What devices measured, as sections of a report: beside this machine's numbers, never mixed with them."""

from collections.abc import Iterator, Sequence
from typing import Final

from compress.report import figures
from compress.report.devices.model import DeviceFile, DeviceReport
from compress.report.model import Report
from compress.report.node_table import node_table
from compress.report.sections import Column, Section, Statements, Table, table_of
from compress.report.timings import on_provider, setting_of, timing_at
from exporters.device.timing import PairTiming
from exporters.measure.latency_results import LatencyComparison
from exporters.read.session import CPU_PROVIDER


def _allowed(file: DeviceFile) -> str:
    return "classes" if file.answers.tolerance is None else figures.small(file.answers.tolerance)


_ANSWERS: Final[tuple[Column[DeviceFile], ...]] = (
    ("file", lambda file: file.label),
    ("weights", lambda file: file.precision),
    ("same class", lambda file: f"{file.answers.agreeing} of {file.answers.images}"),
    ("difference", lambda file: figures.small(file.answers.max_abs_difference)),
    ("allowed", _allowed),
    ("right here", lambda file: file.answers.expected_right),
    ("right there", lambda file: file.answers.right),
    ("verdict", lambda file: "passed" if file.answers.passed else "FAILED"),
)


def device_sections(report: Report) -> Iterator[Section]:
    """A section for every device, in the order they were measured."""
    for device in report.devices:
        notes = (*_failed(device), *device.warnings)
        pairs = _latency_tables(report, device)
        yield Section(
            f"Device: {device.name}",
            texts=(device_words(device),),
            statements=(Statements("note", notes),) if notes else (),
            tables=(
                *pairs[:1],
                _other_latency_table(report, device),
                _answer_table(device),
                _node_table(device),
            ),
            folded=(*pairs[1:], _other_answers(report, device)),
        )


def device_sentences(report: Report) -> Iterator[str]:
    """The speed of the candidate on each device, or that its answers differ, for the verdict."""
    pair = report.original.label, report.candidate.label
    for device in report.devices:
        timed = [one.comparison for one in device.timings if (one.original, one.candidate) == pair]
        if timed:
            first = min(timed, key=setting_of)
            times = " -> ".join(f"{figures.milliseconds(side.p50_ms)} ms" for side in (first.original, first.candidate))
            yield (
                f"on {device.name}: {times}, {first.ratio:.2f}x as fast, "
                f"{figures.span(first.ratio_low, first.ratio_high)} ({setting_of(first)}{_noisy(first)})"
            )
        for failed in _failed(device):
            yield f"on {device.name}: {failed}"


def device_words(device: DeviceReport) -> str:
    """Processor, system, clock and heat, versions, date."""
    facts, states = device.device, (device.before, device.after)
    words = [f"{facts.processor}, {facts.architecture}, {figures.plural(facts.cores, 'core')}, {facts.system}"]
    if governors := ", ".join(device.after.governors):
        words.append(f"governor {governors}")
    clocks = [f"{state.frequency_mhz:.0f}" for state in states if state.frequency_mhz is not None]
    if clocks:
        highest = f" of at most {device.after.highest_mhz:.0f}" if device.after.highest_mhz is not None else ""
        words.append(f"{' -> '.join(clocks)}{highest} MHz")
    heat = [f"{state.temperature_c:.0f}" for state in states if state.temperature_c is not None]
    words += [f"{' -> '.join(heat)} °C"] if heat else []
    words.append(f"onnxruntime {facts.onnxruntime} ({device.provider}), numpy {facts.numpy}, Python {facts.python}")
    words.append(f"emulated ({facts.emulated})" if facts.emulated else "")
    return f"{'; '.join(filter(None, words))}. Measured {device.created}, kit {device.kit_sha256[:12]}."


def _latency_tables(report: Report, device: DeviceReport) -> tuple[Table, ...]:
    """A table for every pair of files that the device has timed, at every setting; the first is the run's own."""
    pairs = dict.fromkeys((one.original, one.candidate) for one in device.timings)
    tables = []
    for pair in pairs:
        timed = [one for one in device.timings if (one.original, one.candidate) == pair]
        title = f"Latency on {device.name}, {pair[0]} -> {pair[1]}"
        tables.append(_timing_table(title, timed, report, without=("network", "against")))
    return tuple(tables)


def _other_latency_table(report: Report, device: DeviceReport) -> Table:
    """Every pair but the first at the smallest batch and the fewest threads."""
    first, *_others = device.timings or (None,)
    setting = min((setting_of(one.comparison) for one in device.timings), default=None)
    others = [
        one
        for one in device.timings
        if setting_of(one.comparison) == setting
        and first is not None
        and (one.original, one.candidate) != (first.original, first.candidate)
    ]
    title = f"Latency of the other files on {device.name}, {setting}"
    return _timing_table(title, others, report, without=("batch", "threads"))


def _timing_table(title: str, timings: Sequence[PairTiming], report: Report, *, without: tuple[str, ...]) -> Table:
    columns: list[Column[PairTiming]] = [
        ("network", lambda row: row.candidate),
        ("against", lambda row: row.original),
        ("batch", lambda row: row.comparison.batch_size),
        ("threads", lambda row: row.comparison.threads),
        ("before", lambda row: figures.milliseconds(row.comparison.original.p50_ms)),
        ("after", lambda row: figures.milliseconds(row.comparison.candidate.p50_ms)),
        ("ratio", lambda row: f"{row.comparison.ratio:.2f}x"),
        ("95 %", lambda row: figures.span(row.comparison.ratio_low, row.comparison.ratio_high)),
        ("verdict", lambda row: row.comparison.speed_change + _noisy(row.comparison)),
        ("here", lambda row: _ratio_here(report, row)),
    ]
    return table_of(
        title,
        sorted(timings, key=lambda row: setting_of(row.comparison)),
        [column for column in columns if column[0] not in without],
        note=f"median ms per call there; here: ratio on {_host(report)}",
        words=frozenset({"against", "verdict"}),
        detail_columns=frozenset() if "network" in without else frozenset({"verdict"}),
    )


def _ratio_here(report: Report, row: PairTiming) -> str:
    found = timing_at(report, row.candidate, against=row.original, setting=setting_of(row.comparison))
    return "-" if found is None else f"{found.ratio:.2f}x"


def _answer_table(device: DeviceReport) -> Table:
    return table_of(
        f"Answers on {device.name}",
        device.files,
        _ANSWERS,
        note=(
            "on the kit's images; here: where the kit was made; difference: largest of two scores; allowed: that "
            "difference, or, of INT8 and of providers other than the CPU, one class of ten"
        ),
        words=frozenset({"weights", "allowed", "verdict"}),
        detail_columns=frozenset({"weights"}),
    )


def _node_table(device: DeviceReport) -> Table:
    """Where the nodes ran, unless all ran on the CPU because that was asked for."""
    files = {} if device.provider == CPU_PROVIDER else {file.label: file.nodes for file in device.files}
    return node_table(f"Where the nodes ran on {device.name}", files, device.provider)


def _other_answers(report: Report, device: DeviceReport) -> Table:
    names = report.data.classes
    return table_of(
        f"Answers that differ on {device.name}",
        [(file.label, answer) for file in device.files for answer in file.answers.differing],
        [
            ("file", lambda row: row[0]),
            ("image", lambda row: row[1].image),
            ("class", lambda row: names[row[1].truth]),
            ("here", lambda row: names[row[1].expected]),
            ("there", lambda row: names[row[1].found]),
        ],
        note="image: its number in the kit",
        words=frozenset({"class", "here", "there"}),
    )


def _failed(device: DeviceReport) -> list[str]:
    names = ", ".join(file.label for file in device.files if not file.answers.passed)
    return [f"answers differ from those expected: {names}"] if names else []


def _noisy(row: LatencyComparison) -> str:
    return ", noisy" if row.noisy else ""


def _host(report: Report) -> str:
    cpu = report.environment.get("cpu")
    model = cpu.get("model") if isinstance(cpu, dict) else None
    return (str(model) if model else "this machine") + on_provider(report, ", ")
