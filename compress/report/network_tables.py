"""Tables with a row for every network: size, accuracy, answers, origin, files; and tables of single classes."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Final

from compress.report import figures
from compress.report.model import NetworkRow, Report
from compress.report.outcomes import TONES, drop_outcome
from compress.report.sections import Bars, Column, Interval, Table, table_of
from exporters.read.signature import Signature

MOST_CLASSES: Final = 100  # in Markdown and HTML; report.json has all
_MOST_NAMED: Final = 3  # layers left in float32; report.json has all

_CHANGE: Final[tuple[Column[NetworkRow], ...]] = (
    ("change", lambda row: figures.change(row.drop)),
    ("95 %", lambda row: figures.change_interval(row.drop)),
)


def network_table(report: Report) -> Table:
    """How large each network is, and how long it was trained."""
    unknown = None if report.run is None else "as given"
    settings = {figures.setting(row.memory.batch_size, row.memory.threads) for row in report.networks if row.memory}
    return _network_table(
        report,
        "Size",
        ("size", lambda row: figures.file_size(row.size_bytes)),
        ("parameters", lambda row: figures.count(row.parameters)),
        ("kept", lambda row: figures.percent(row.kept_parameters)),
        ("MACs", lambda row: figures.count(row.macs)),
        ("kept", lambda row: figures.percent(row.kept_macs)),
        ("epochs", lambda row: unknown if row.epochs is None else row.epochs),
        ("memory", lambda row: row.memory and figures.file_size(row.memory.peak_bytes)),
        note=f"memory: peak of opening the file and one call, {' or '.join(sorted(settings))}" if settings else "",
    )


def accuracy_table(report: Report) -> Table:
    """Top-1 of the files, and its change against the original on the same images."""
    images = figures.plural(report.data.test, "test image")
    return _network_table(
        report,
        "Accuracy of the files",
        ("Top-1", lambda row: figures.rate(row.accuracy.top1)),
        ("95 %", lambda row: figures.rate_interval(row.accuracy.top1)),
        *_CHANGE,
        ("p", lambda row: row.comparison and figures.probability(row.comparison.mcnemar_p)),
        note=f"{images}; change: points of Top-1; p: McNemar's exact test, two-sided",
    )


def answer_table(report: Report) -> Table:
    """Other measures of the answers; Top-3 and Top-5 only where there are enough classes."""
    return _network_table(
        report,
        "Answers of the files",
        ("Top-3", lambda row: row.accuracy.top3 and figures.rate(row.accuracy.top3)),
        ("Top-5", lambda row: row.accuracy.top5 and figures.rate(row.accuracy.top5)),
        ("loss", lambda row: f"{row.accuracy.loss:.4f}"),
        ("calibration error", lambda row: figures.percent(row.accuracy.calibration_error)),
        ("agrees with original", lambda row: row.comparison and figures.rate(row.comparison.agreement)),
        ("only original right", lambda row: row.drop and row.drop.only_original_right),
        ("only it right", lambda row: row.drop and row.drop.only_candidate_right),
        note="calibration error: stated probability against the share of right answers, on average over 15 equal bins",
        detail_columns=frozenset({"only original right", "only it right"}),
    )


def origin_table(report: Report) -> Table:
    """Files made from another file: what changed, and how they were made."""
    return _network_table(
        report,
        "Files made from other files",
        ("made from", lambda row: row.source),
        ("change", lambda row: figures.change(row.source_drop)),
        ("95 %", lambda row: figures.change_interval(row.source_drop)),
        ("how", _how_made),
        note="change: points of Top-1 against that file",
        rows=[row for row in report.networks if row.source is not None],
    )


def file_table(report: Report) -> Table:
    """Which files exactly, and what they take."""
    return _network_table(
        report,
        "Files",
        ("file", lambda row: PurePosixPath(row.file).name),
        ("sha256", lambda row: row.sha256[:12]),
        ("input", lambda row: input_words(row.signature)),
        ("denormals", lambda row: "-" if row.denormals_flushed is None else row.denormals_flushed),
        note="denormals: weights set to 0 before export",
    )


def class_table(report: Report, *, most: int = MOST_CLASSES) -> Table:
    """The classes, largest loss first, at most ``most`` in Markdown and HTML; each interval is of that class alone."""
    compared = report.candidate.comparison
    drops = () if compared is None else compared.classes
    return table_of(
        "Classes, largest loss first",
        drops,
        [
            ("class", lambda drop: report.data.classes[drop.label]),
            ("images", lambda drop: drop.images),
            (report.original.label, lambda drop: drop.original_hits),
            (report.candidate.label, lambda drop: drop.candidate_hits),
            ("change", lambda drop: figures.signed(round(-drop.points, 2))),
            ("95 %", figures.change_interval),
        ],
        note="images right; change in points; of 20 such intervals about one misses by chance",
        short=5,
        long=most,
        marks=tuple(Interval(-drop.high, -drop.points, -drop.low, TONES[drop_outcome(drop)]) for drop in drops),
    )


def confusion_table(report: Report) -> Table:
    """Wrong answers whose number changed most."""
    compared = report.candidate.comparison
    changes = () if compared is None else compared.confusions
    return table_of(
        "Wrong answers that changed most",
        changes,
        [
            ("class", lambda change: report.data.classes[change.truth]),
            ("answer", lambda change: report.data.classes[change.answer]),
            (report.original.label, lambda change: change.original),
            (report.candidate.label, lambda change: change.candidate),
            ("change", lambda change: f"{change.candidate - change.original:+,}"),
        ],
        note="images",
        words=frozenset({"answer"}),
        marks=tuple(Bars((change.original, change.candidate)) for change in changes),
    )


def input_words(signature: Signature) -> str:
    """An input in words: float32 Nx1x48x48; an axis without a number is free."""
    sizes = {"N": signature.batch, "C": signature.channels, "H": signature.height, "W": signature.width}
    return f"{signature.dtype} {'x'.join(str(sizes[axis] or axis) for axis in signature.layout)}"


def series_numbers(report: Report) -> dict[str, int]:
    """Label -> number of its colour: the original 0, the candidate 1, the others in their order."""
    extras = (row.label for row in report.networks if row.role == "extra")
    labels = (report.original.label, report.candidate.label, *extras)
    return {label: number for number, label in enumerate(labels)}


def _network_table(
    report: Report, title: str, *columns: Column[NetworkRow], rows: Iterable[NetworkRow] | None = None, **options: Any
) -> Table:
    """The columns for every network, or for ``rows``, with the network's colour."""
    rows, series = report.networks if rows is None else tuple(rows), series_numbers(report)
    return table_of(
        title,
        rows,
        [("network", lambda row: row.label), *columns],
        words=frozenset({"file", "how", "input", "made from", "sha256"}),
        series=tuple(series[row.label] for row in rows),
        **options,
    )


def _how_made(row: NetworkRow) -> str:
    """How a file was made from another one, in words."""
    made = row.quantization
    words = [f"weights {row.precision}"] if made is None and row.precision != "fp32" else []
    if made is not None:
        per = "channel" if made.per_channel else "tensor"
        words = [
            made.scheme,
            f"calibrated ({made.calibration}) on {figures.plural(made.calibration_images, 'training image')}",
            f"weights {made.weights} per {per}{', reduced range' if made.reduced_range else ''}",
            f"activations {made.activations}",
            _float_layers(made.float_layers),
        ]
    if row.signature.dtype == "uint8":
        words.append("preprocessing inside")
    return ", ".join(words) or "-"


def _float_layers(layers: tuple[str, ...]) -> str:
    more = f" and {len(layers) - _MOST_NAMED} more" if len(layers) > _MOST_NAMED else ""
    return f"left in float32: {', '.join(layers[:_MOST_NAMED])}{more}" if layers else "no layer left in float32"
