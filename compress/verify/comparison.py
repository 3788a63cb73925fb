"""How two networks' answers differ on the same images, beyond the drop: agreement, classes, confusions.

Axes: N images, K classes.
"""

from dataclasses import dataclass

from compress.verify.accuracy import Rate


@dataclass(frozen=True)
class ClassDrop:
    """One class: what both networks got right of its images, and the drop.

    Attributes:
        label: the class's number.
        images: test images of this class.
        original_hits: of these, right by the original.
        candidate_hits: of these, right by the candidate.
        points: the drop in percentage points; negative where the candidate is better.
        low: lower end of its 95 % paired interval, in points; of one class alone, not corrected for many.
        high: upper end, in points.
    """

    label: int
    images: int
    original_hits: int
    candidate_hits: int
    points: float
    low: float
    high: float


@dataclass(frozen=True)
class ConfusionChange:
    """Images of class ``truth`` that were called ``answer``: by the original, by the candidate."""

    truth: int
    answer: int
    original: int
    candidate: int


@dataclass(frozen=True)
class Comparison:
    """A candidate's answers against the original's.

    Attributes:
        agreement: share of images for which both name the same class, right or wrong.
        mcnemar_p: two-sided p-value of McNemar's exact test: could the drop be chance?
        classes: every class that has test images, largest drop first.
        confusions: wrong answers whose number changed most, largest change first, at most 30.
    """

    agreement: Rate
    mcnemar_p: float
    classes: tuple[ClassDrop, ...]
    confusions: tuple[ConfusionChange, ...]
