"""Tables of single classes: which lost most, and which are mistaken for which, original against candidate."""

from typing import Final

from compress.report import figures
from compress.report.model import Report
from compress.report.outcomes import TONES, drop_outcome
from compress.report.sections import Bars, Interval, Table

MOST_CLASSES: Final = 100
"""Classes in Markdown and HTML; report.json has all."""


def class_table(report: Report, *, most: int = MOST_CLASSES) -> Table:
    """The classes, largest loss first; each interval is of that class alone.

    Args:
        report: the report.
        most: rows in Markdown and HTML.
    """
    compared = report.candidate.comparison
    drops = () if compared is None else compared.classes
    return Table(
        title="Classes, largest loss first",
        columns=("class", "images", report.original.label, report.candidate.label, "change", "95 %"),
        rows=tuple(
            (
                report.data.classes[drop.label],
                f"{drop.images:,}",
                f"{drop.original_hits:,}",
                f"{drop.candidate_hits:,}",
                figures.signed(round(-drop.points, 2)),
                figures.change_interval(drop),
            )
            for drop in drops
        ),
        note="images right; change in points; of 20 such intervals about one misses by chance",
        short=5,
        long=most,
        marks=tuple(Interval(-drop.high, -drop.points, -drop.low, TONES[drop_outcome(drop)]) for drop in drops),
    )


def confusion_table(report: Report) -> Table:
    """Wrong answers whose number changed most."""
    compared = report.candidate.comparison
    changes = () if compared is None else compared.confusions
    names = report.data.classes
    return Table(
        title="Wrong answers that changed most",
        columns=("class", "answer", report.original.label, report.candidate.label, "change"),
        rows=tuple(
            (
                names[change.truth],
                names[change.answer],
                f"{change.original:,}",
                f"{change.candidate:,}",
                f"{change.candidate - change.original:+,}",
            )
            for change in changes
        ),
        note="images",
        words=frozenset({"answer"}),
        marks=tuple(Bars((change.original, change.candidate)) for change in changes),
    )
