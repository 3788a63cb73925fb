"""Tables with a row for every network: size, accuracy, answers, origin, files; and tables of single classes."""

from pathlib import PurePosixPath
from typing import Final

from compress.report import figures
from compress.report.figures import TONES, drop_outcome
from compress.report.model import NetworkRow, Report
from compress.report.sections import Bars, Column, Interval, Table, table_of
from exporters.read.signature import Signature

MOST_CLASSES: Final = 100  # in Markdown and HTML; report.json has all
_MOST_NAMED: Final = 3  # layers left in float32; report.json has all

SIZE, ACCURACY, ANSWERS = "Size", "Accuracy of the files", "Answers of the files"
ORIGIN, FILES = "Files made from other files", "Files"
_CALIBRATION: Final = (
    "calibration error: stated probability against the share of right answers, on average over 15 equal bins"
)


def _how_made(row: NetworkRow) -> str:
    """How a file was made from another one, in words."""
    made = row.quantization
    words = [f"weights {row.precision}"] if made is None and row.precision != "fp32" else []
    if made is not None:
        per = f"{'channel' if made.per_channel else 'tensor'}{', reduced range' if made.reduced_range else ''}"
        more, named = len(made.float_layers) - _MOST_NAMED, ", ".join(made.float_layers[:_MOST_NAMED])
        words = [
            f"{made.scheme}, calibrated ({made.calibration}) on "
            f"{figures.plural(made.calibration_images, 'training image')}, weights {made.weights} per {per}, "
            f"activations {made.activations}",
            f"left in float32: {named}" if named else "no layer left in float32",
        ]
        words[-1] += f" and {more} more" if more > 0 else ""
    if row.signature.dtype == "uint8":
        words.append("preprocessing inside")
    return ", ".join(words) or "-"


_COLUMNS: Final[dict[str, tuple[Column[NetworkRow], ...]]] = {
    SIZE: (
        ("size", lambda row: figures.file_size(row.size_bytes)),
        ("parameters", lambda row: figures.count(row.parameters)),
        ("kept", lambda row: figures.percent(row.kept_parameters)),
        ("MACs", lambda row: figures.count(row.macs)),
        ("kept", lambda row: figures.percent(row.kept_macs)),
    ),
    ACCURACY: (
        ("Top-1", lambda row: figures.rate(row.accuracy.top1)),
        ("95 %", lambda row: figures.rate_interval(row.accuracy.top1)),
        ("change", lambda row: figures.change(row.drop)),
        ("95 %", lambda row: figures.change_interval(row.drop)),
        ("p", lambda row: row.comparison and figures.probability(row.comparison.mcnemar_p)),
    ),
    ANSWERS: (  # Top-3 and Top-5 only where there are enough classes
        ("Top-3", lambda row: row.accuracy.top3 and figures.rate(row.accuracy.top3)),
        ("Top-5", lambda row: row.accuracy.top5 and figures.rate(row.accuracy.top5)),
        ("loss", lambda row: f"{row.accuracy.loss:.4f}"),
        ("calibration error", lambda row: figures.percent(row.accuracy.calibration_error)),
        ("agrees with original", lambda row: row.comparison and figures.rate(row.comparison.agreement)),
        ("only original right", lambda row: row.drop and row.drop.only_original_right),
        ("only it right", lambda row: row.drop and row.drop.only_candidate_right),
        ("as on CPU", lambda row: row.placement and row.placement.same_class),
    ),
    ORIGIN: (
        ("made from", lambda row: row.source),
        ("change", lambda row: figures.change(row.source_drop)),
        ("95 %", lambda row: figures.change_interval(row.source_drop)),
        ("how", _how_made),
    ),
    FILES: (
        ("file", lambda row: PurePosixPath(row.file).name),
        ("sha256", lambda row: row.sha256[:12]),
        ("input", lambda row: input_words(row.signature)),
        ("denormals", lambda row: "-" if row.denormals_flushed is None else row.denormals_flushed),
    ),
}
"""Title -> columns after the network's label; the sizes have two more."""


def network_table(report: Report, title: str) -> Table:
    """The table of this title: a row for every network, or for every file made from another one, with its colour."""
    settings = {figures.setting(row.memory.batch_size, row.memory.threads) for row in report.networks if row.memory}
    images = figures.plural(report.data.test, "test image")
    notes = {
        SIZE: f"memory: peak of opening the file and one call, {' or '.join(sorted(settings))}" if settings else "",
        ACCURACY: f"{images}; change: points of Top-1; p: McNemar's exact test, two-sided",
        ANSWERS: _CALIBRATION + ("" if report.on_cpu else "; as on CPU: images that get the class that they get there"),
        ORIGIN: "change: points of Top-1 against that file",
        FILES: "denormals: weights set to 0 before export",
    }
    unknown = None if report.run is None else "as given"
    more: list[Column[NetworkRow]] = [
        ("epochs", lambda row: unknown if row.epochs is None else row.epochs),
        ("memory", lambda row: row.memory and figures.file_size(row.memory.peak_bytes)),
    ]
    series = series_numbers(report)
    rows = [row for row in report.networks if title != ORIGIN or row.source is not None]
    return table_of(
        title,
        rows,
        [("network", lambda row: row.label), *_COLUMNS[title], *(more if title == SIZE else ())],
        note=notes[title],
        words=frozenset({"file", "how", "input", "made from", "sha256"}),
        detail_columns=frozenset({"only original right", "only it right"}),
        series=tuple(series[row.label] for row in rows),
    )


def class_table(report: Report, *, most: int = MOST_CLASSES) -> Table:
    """The classes, largest loss first, at most ``most`` in Markdown and HTML; each interval is of that class alone."""
    drops = report.candidate.comparison.classes if report.candidate.comparison else ()
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
    changes = report.candidate.comparison.confusions if report.candidate.comparison else ()
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
