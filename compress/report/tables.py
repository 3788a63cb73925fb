"""Tables of the networks as plain strings, a row a network; the terminal and Markdown show the same ones."""

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
    return _by_network(f"Networks{_memory_setting(report)}", columns, report.networks)


def accuracy_table(report: Report) -> Table:
    """Top-1 of the files, and its change against the original on the same images."""
    columns: tuple[Column, ...] = (
        ("Top-1", lambda row: figures.rate(row.accuracy.top1)),
        ("95 %", lambda row: figures.rate_interval(row.accuracy.top1)),
        ("change", lambda row: figures.change(row.drop)),
        ("95 %", lambda row: figures.change_interval(row.drop)),
        ("p", lambda row: "-" if row.comparison is None else figures.probability(row.comparison.mcnemar_p)),
    )
    images = figures.plural(report.data.test, "test image")
    title = f"Accuracy of the files ({images}; change: points of Top-1; p: McNemar's exact test)"
    return _by_network(title, columns, report.networks)


def answer_table(report: Report) -> Table:
    """What else their answers are worth; Top-3 and Top-5 only where there are classes enough."""
    columns: list[Column] = []
    if report.original.accuracy.top3 is not None:
        columns.append(("Top-3", lambda row: figures.rate(row.accuracy.top3)))
    if report.original.accuracy.top5 is not None:
        columns.append(("Top-5", lambda row: figures.rate(row.accuracy.top5)))
    columns += [
        ("loss", lambda row: f"{row.accuracy.loss:.4f}"),
        ("calibration error", lambda row: figures.percent(row.accuracy.calibration_error)),
        ("agrees with original", _agreement),
    ]
    return _by_network("Answers (calibration error: 15 equal bins)", columns, report.networks)


def origin_table(report: Report) -> Table:
    """Files made from another file: what that changed, and how they were made."""
    columns: tuple[Column, ...] = (
        ("made from", lambda row: row.source or "-"),
        ("change", lambda row: figures.change(row.source_drop)),
        ("95 %", lambda row: figures.change_interval(row.source_drop)),
        ("how", _how),
    )
    made = tuple(row for row in report.networks if row.source is not None)
    return _by_network("Files made from other files (change: points of Top-1 against that file)", columns, made)


def file_table(report: Report) -> Table:
    """Which files exactly, what they take, and how many denormal weights were set to 0 on their way."""
    columns: tuple[Column, ...] = (
        ("file", lambda row: PurePosixPath(row.file).name),
        ("sha256", lambda row: row.sha256[:12]),
        ("input", lambda row: input_words(row.signature)),
        ("denormals", lambda row: "-" if row.denormals_flushed is None else f"{row.denormals_flushed:,}"),
    )
    return _by_network("Files (denormals: weights set to 0 before export)", columns, report.networks)


def input_words(signature: Signature) -> str:
    """An input in words: float32 Nx1x48x48; an axis without a number is free."""
    sizes = {
        "N": signature.batch or "N", "C": signature.channels,
        "H": signature.height or "H", "W": signature.width or "W",
    }  # fmt: skip
    return f"{signature.dtype} {'x'.join(str(sizes[axis]) for axis in signature.layout)}"


def _by_network(title: str, columns: list[Column] | tuple[Column, ...], rows: tuple[NetworkRow, ...]) -> Table:
    return Table(
        title=title,
        columns=("network", *(name for name, _show in columns)),
        rows=tuple((row.label, *(show(row) for _name, show in columns)) for row in rows),
        words=frozenset({"file", "how", "input", "made from"}),
    )


def _agreement(row: NetworkRow) -> str:
    return figures.rate(row.comparison.agreement if row.comparison else None)


def _memory(row: NetworkRow) -> str:
    return "-" if row.memory is None else figures.file_size(row.memory.peak_bytes)


def _memory_setting(report: Report) -> str:
    """How memory was measured, where it was: the same way for every row, or the table does not say."""
    ways = {figures.setting(row.memory.batch_size, row.memory.threads) for row in report.networks if row.memory}
    return f" (memory: peak of opening the file and one call, {' or '.join(sorted(ways))})" if ways else ""


def _how(row: NetworkRow) -> str:
    """How a file was made from another one, in words."""
    made = row.quantization
    said = []
    if made is not None:
        said += [
            made.scheme,
            f"calibrated ({made.calibration}) on {figures.plural(made.calibration_images, 'training image')}",
            f"weights {made.weights} {'per channel' if made.per_channel else 'per tensor'}"
            f"{', reduced range' if made.reduced_range else ''}",
            f"activations {made.activations}",
            _float_layers(made.float_layers),
        ]
    elif row.precision != "fp32":
        said.append(f"weights {row.precision}")
    if row.signature.dtype == "uint8":
        said.append("preprocessing inside")
    return ", ".join(said) or "-"


def _float_layers(layers: tuple[str, ...]) -> str:
    if not layers:
        return "no layer left in float32"
    more = f" and {len(layers) - _MOST_NAMED} more" if len(layers) > _MOST_NAMED else ""
    return f"left in float32: {', '.join(layers[:_MOST_NAMED])}{more}"
