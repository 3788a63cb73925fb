"""What is measured of a network's answers: accuracy, drop, differences, gates; and where it ran."""

from dataclasses import dataclass

Span = tuple[float, float, float]
"""A value with the ends of its interval: (value, low, high); equal if it is exact."""


@dataclass(frozen=True)
class Rate:
    """A share of images as a fraction 0..1, with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    hits: int
    images: int

    @property
    def percent(self) -> Span:
        """The share and its interval in percent."""
        return 100 * self.value, 100 * self.low, 100 * self.high


@dataclass(frozen=True)
class AccuracyReport:
    """Accuracy of one network on one set of images; ``top3`` needs more than three classes, ``top5`` likewise.

    ``loss`` is the mean cross-entropy in nats, ``calibration_error`` the expected one of the Top-1 probability, a
    fraction (15 bins of equal width).
    """

    top1: Rate
    top3: Rate | None
    top5: Rate | None
    loss: float
    calibration_error: float
    images: int


@dataclass(frozen=True)
class AccuracyDrop:
    """Top-1 of the original minus Top-1 of the candidate on the same images, in percentage points.

    Negative where the candidate is better; ``low`` and ``high`` are the ends of the 95 % paired interval.
    """

    points: float
    low: float
    high: float
    only_original_right: int
    only_candidate_right: int
    images: int


@dataclass(frozen=True)
class Placement:
    """How a file ran on another provider than the CPU.

    ``nodes``: provider -> operator -> nodes that it ran in one call. ``same_class``: test images that the file gives
    the class that it gives on the CPU.
    """

    nodes: dict[str, dict[str, int]]
    same_class: int


@dataclass(frozen=True)
class ClassDrop:
    """One class, ``label`` by number: how many of its test images each network has right, and the drop.

    ``points``, ``low`` and ``high`` are those of ``AccuracyDrop``; the interval is not corrected for many classes.
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
    """A candidate's answers against the original's; ``mcnemar_p`` is two-sided, of the exact test.

    ``agreement`` counts the same class, right or wrong. ``classes`` are those with test images, largest drop first,
    ``confusions`` at most 30 wrong answers whose number changed, largest change first.
    """

    agreement: Rate
    mcnemar_p: float
    classes: tuple[ClassDrop, ...]
    confusions: tuple[ConfusionChange, ...]


@dataclass(frozen=True)
class GateResult:
    """One gate ("max-drop"), judged for the row with the label ``network``; values are in the gate's unit.

    ``pessimistic`` is the end of the interval that was compared with the limit; the value itself where it is exact.
    """

    gate: str
    network: str
    limit: float
    measured: float
    pessimistic: float
    passed: bool
