"""Tables with a row for every network: size, accuracy, answers, files, and how files were made from others."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

from compress.report import figures
from compress.report.model import NetworkRow, Report
from compress.report.sections import Table
from exporters.read.signature import Signature

_MOST_NAMED: Final = 3
"""Layers left in float32 that are named; report.json has all."""

Column = tuple[str, Callable[[NetworkRow], str]]


def network_table(report: Report) -> Table:
    """How large each network is, and how long it was trained."""
    columns: list[Column] = [
        ("size", lambda row: figures.file_size(row.size_bytes)),
        ("parameters", lambda row: figures.count(row.parameters)),
        ("kept", lambda row: figures.percent(row.kept_parameters)),
        ("MACs", lambda row: figures.count(row.macs)),
        ("kept", lambda row: figures.percent(row.kept_macs)),
    ]
    if report.run is not None:
        columns.append(("epochs", lambda row: "as given" if row.epochs is None else str(row.epochs)))
    if any(row.memory is not None for row in report.networks):
        columns.append(("memory", _memory))
    return _by_network(report, "Size", columns, note=_memory_setting(report))


def accuracy_table(report: Report) -> Table:
    """Top-1 of the files, and its change against the original on the same images."""
    columns: list[Column] = [
        ("Top-1", lambda row: figures.rate(row.accuracy.top1)),
        ("95 %", lambda row: figures.rate_interval(row.accuracy.top1)),
        ("change", lambda row: figures.change(row.drop)),
        ("95 %", lambda row: figures.change_interval(row.drop)),
        ("p", lambda row: "-" if row.comparison is None else figures.probability(row.comparison.mcnemar_p)),
    ]
    images = figures.plural(report.data.test, "test image")
    note = f"{images}; change: points of Top-1; p: McNemar's exact test, two-sided"
    return _by_network(report, "Accuracy of the files", columns, note=note)


def answer_table(report: Report) -> Table:
    """Other measures of the answers; Top-3 and Top-5 only where there are enough classes."""
    columns: list[Column] = []
    if report.original.accuracy.top3 is not None:
        columns.append(("Top-3", lambda row: figures.rate(row.accuracy.top3)))
    if report.original.accuracy.top5 is not None:
        columns.append(("Top-5", lambda row: figures.rate(row.accuracy.top5)))
    columns += [
        ("loss", lambda row: f"{row.accuracy.loss:.4f}"),
        ("calibration error", lambda row: figures.percent(row.accuracy.calibration_error)),
        ("agrees with original", lambda row: figures.rate(row.comparison.agreement if row.comparison else None)),
        ("only original right", lambda row: f"{row.drop.only_original_right:,}" if row.drop else "-"),
        ("only it right", lambda row: f"{row.drop.only_candidate_right:,}" if row.drop else "-"),
    ]
    note = "calibration error: stated probability against the share of right answers, on average over 15 equal bins"
    hidden = frozenset({"only original right", "only it right"})
    return _by_network(report, "Answers of the files", columns, note=note, detail_columns=hidden)


def origin_table(report: Report) -> Table:
    """Files made from another file: what changed, and how they were made."""
    columns: list[Column] = [
        ("made from", lambda row: row.source or "-"),
        ("change", lambda row: figures.change(row.source_drop)),
        ("95 %", lambda row: figures.change_interval(row.source_drop)),
        ("how", _how),
    ]
    made = tuple(row for row in report.networks if row.source is not None)
    note = "change: points of Top-1 against that file"
    return _by_network(report, "Files made from other files", columns, note=note, rows=made)


def file_table(report: Report) -> Table:
    """Which files exactly, and what they take."""
    columns: list[Column] = [
        ("file", lambda row: PurePosixPath(row.file).name),
        ("sha256", lambda row: row.sha256[:12]),
        ("input", lambda row: input_words(row.signature)),
        ("denormals", lambda row: "-" if row.denormals_flushed is None else f"{row.denormals_flushed:,}"),
    ]
    return _by_network(report, "Files", columns, note="denormals: weights set to 0 before export")


def file_facts(row: NetworkRow) -> Table:
    """Everything known of one file, by name."""
    signature, memory = row.signature, row.memory
    size = " x ".join(str(side or "free") for side in (signature.height, signature.width))
    facts = [
        ("file", row.file),
        ("sha256", row.sha256),
        ("weights", row.precision),
        (
            "input",
            f"{signature.input_name}: {signature.dtype}, {signature.layout}, batch {signature.batch or 'free'}, "
            f"{figures.plural(signature.channels, 'channel')}, {size} px",
        ),
        ("output", signature.output_name + (f", {signature.classes} classes" if signature.classes else "")),
        ("preprocessing", row.preprocessing),
    ]
    if memory is not None:
        setting = figures.setting(memory.batch_size, memory.threads)
        facts.append(
            ("peak memory", f"{figures.file_size(memory.peak_bytes)} for opening the file and one call ({setting})")
        )
    return Table(row.label, ("", ""), tuple(facts), words=frozenset({""}))


def input_words(signature: Signature) -> str:
    """An input in words: float32 Nx1x48x48; an axis without a number is free."""
    sizes = {
        "N": signature.batch or "N", "C": signature.channels,
        "H": signature.height or "H", "W": signature.width or "W",
    }  # fmt: skip
    return f"{signature.dtype} {'x'.join(str(sizes[axis]) for axis in signature.layout)}"


def series_numbers(report: Report) -> dict[str, int]:
    """Label -> number of its colour: the original 0, the candidate 1, the others in their order."""
    extras = (row.label for row in report.networks if row.role == "extra")
    labels = (report.original.label, report.candidate.label, *extras)
    return {label: number for number, label in enumerate(labels)}


def _by_network(
    report: Report,
    title: str,
    columns: list[Column],
    *,
    note: str = "",
    rows: tuple[NetworkRow, ...] | None = None,
    detail_columns: frozenset[str] = frozenset(),
) -> Table:
    rows, series = report.networks if rows is None else rows, series_numbers(report)
    return Table(
        title=title,
        columns=("network", *(name for name, _show in columns)),
        rows=tuple((row.label, *(show(row) for _name, show in columns)) for row in rows),
        note=note,
        words=frozenset({"file", "how", "input", "made from", "sha256"}),
        detail_columns=detail_columns,
        series=tuple(series[row.label] for row in rows),
    )


def _memory(row: NetworkRow) -> str:
    return "-" if row.memory is None else figures.file_size(row.memory.peak_bytes)


def _memory_setting(report: Report) -> str:
    ways = {figures.setting(row.memory.batch_size, row.memory.threads) for row in report.networks if row.memory}
    return f"memory: peak of opening the file and one call, {' or '.join(sorted(ways))}" if ways else ""


def _how(row: NetworkRow) -> str:
    """How a file was made from another one, in words."""
    made = row.quantization
    words = []
    if made is not None:
        words += [
            made.scheme,
            f"calibrated ({made.calibration}) on {figures.plural(made.calibration_images, 'training image')}",
            f"weights {made.weights} {'per channel' if made.per_channel else 'per tensor'}"
            f"{', reduced range' if made.reduced_range else ''}",
            f"activations {made.activations}",
            _float_layers(made.float_layers),
        ]
    elif row.precision != "fp32":
        words.append(f"weights {row.precision}")
    if row.signature.dtype == "uint8":
        words.append("preprocessing inside")
    return ", ".join(words) or "-"


def _float_layers(layers: tuple[str, ...]) -> str:
    if not layers:
        return "no layer left in float32"
    more = f" and {len(layers) - _MOST_NAMED} more" if len(layers) > _MOST_NAMED else ""
    return f"left in float32: {', '.join(layers[:_MOST_NAMED])}{more}"
