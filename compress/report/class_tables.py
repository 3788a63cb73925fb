"""Tables of single classes: who lost most, and what is mistaken for what, original against candidate."""

from typing import Final

from compress.report import figures
from compress.report.model import Report
from compress.report.sections import Table

ONE_IN_TWENTY: Final = "of 20 such intervals about one misses by chance"
"""What every document says beside many intervals."""


def class_table(report: Report, *, most: int) -> Table:
    """The classes that lost most first; each interval is of that class alone."""
    compared = report.candidate.comparison
    drops = () if compared is None else compared.classes
    return Table(
        title=f"Classes, largest loss first{_of(most, len(drops))} (images right; change in points; {ONE_IN_TWENTY})",
        columns=("class", "images", report.original.label, report.candidate.label, "change", "95 %"),
        rows=tuple(
            (
                report.data.classes[drop.label],
                f"{drop.images:,}",
                f"{drop.original_hits:,}",
                f"{drop.candidate_hits:,}",
                figures.signed(round(-drop.points, 2)),
                figures.signed_span(-drop.high, -drop.low),
            )
            for drop in drops[:most]
        ),
    )


def confusion_table(report: Report, *, most: int) -> Table:
    """Wrong answers whose number changed most."""
    compared = report.candidate.comparison
    changes = () if compared is None else compared.confusions
    names = report.data.classes
    return Table(
        title=f"Wrong answers that changed most{_of(most, len(changes))} (images)",
        columns=("class", "answer", report.original.label, report.candidate.label, "change"),
        rows=tuple(
            (
                names[change.truth],
                names[change.answer],
                f"{change.original:,}",
                f"{change.candidate:,}",
                f"{change.candidate - change.original:+,}",
            )
            for change in changes[:most]
        ),
        words=frozenset({"answer"}),
    )


def _of(most: int, count: int) -> str:
    return f", {most} of {count}" if count > most else ""
