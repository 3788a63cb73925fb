"""How a network's answers differ from the original's, all together and class by class."""

from collections.abc import Iterator
from dataclasses import dataclass

from compress.report import figures
from compress.report.html.changes import Tone, drop_interval, drop_tone, signed
from compress.report.model import Report
from compress.report.results import Comparison


@dataclass(frozen=True)
class Answers:
    """How a network's answers differ from the original's."""

    label: str
    agreement: str
    only_original: int
    only_candidate: int
    p_value: str
    calibration_error: float


def answers(report: Report) -> Iterator[Answers]:
    """A line a network that was compared with the original."""
    for row in report.networks:
        if row.comparison is None or row.drop is None:
            continue
        yield Answers(
            label=row.label,
            agreement=figures.rate(row.comparison.agreement),
            only_original=row.drop.only_original_right,
            only_candidate=row.drop.only_candidate_right,
            p_value=figures.probability(row.comparison.mcnemar_p),
            calibration_error=row.accuracy.calibration_error,
        )


@dataclass(frozen=True)
class ClassLine:
    """A class: hit rates, the change, and where on the common axis it stands (percent of its width)."""

    label: int
    images: int
    before: str
    after: str
    change: str
    interval: str
    tone: Tone
    low: float
    middle: float
    high: float
    zero: float


def class_lines(comparison: Comparison, *, most: int) -> list[ClassLine]:
    """The classes that changed most, at most ``most`` of them, largest loss first; a loss points to the left."""
    changed_most = sorted(comparison.classes, key=lambda drop: -abs(drop.points))[:most]
    shown = sorted(changed_most, key=lambda drop: -drop.points)
    left = min((-drop.high for drop in shown), default=0)
    right = max((-drop.low for drop in shown), default=0)
    left, right = min(left, 0) - 0.5, max(right, 0) + 0.5

    def place(points: float) -> float:
        return round(3 + 94 * (points - left) / (right - left), 2)

    return [
        ClassLine(
            label=drop.label,
            images=drop.images,
            before=figures.percent(drop.original_hits / drop.images),
            after=figures.percent(drop.candidate_hits / drop.images),
            change=signed(round(-drop.points, 2)),
            interval=drop_interval(drop),
            tone=drop_tone(drop),
            low=place(-drop.high),
            middle=place(-drop.points),
            high=place(-drop.low),
            zero=place(0),
        )
        for drop in shown
    ]
