"""What is measured of a network's answers: accuracy, drop, differences, gates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A share of images as a fraction 0..1, with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    hits: int
    images: int


@dataclass(frozen=True)
class AccuracyReport:
    """Accuracy of one network on one set of images.

    Attributes:
        top1: the right class has the highest logit.
        top3: it is among the three highest; ``None`` with three classes or fewer; ``top5`` likewise.
        loss: mean cross-entropy, in nats.
        calibration_error: expected calibration error of the Top-1 probability, a fraction (15 bins of equal width).
    """

    top1: Rate
    top3: Rate | None
    top5: Rate | None
    loss: float
    calibration_error: float
    images: int


@dataclass(frozen=True)
class AccuracyDrop:
    """Top-1 of the original minus Top-1 of the candidate, on the same images.

    Attributes:
        points: the drop in percentage points; negative where the candidate is better.
        low: lower end of its 95 % paired interval, in points.
        high: upper end, in points.
        only_original_right: images that only the original has right; ``only_candidate_right`` likewise.
        images: how many both classified.
    """

    points: float
    low: float
    high: float
    only_original_right: int
    only_candidate_right: int
    images: int


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
    """A candidate's answers against the original's.

    Attributes:
        agreement: share of images for which both name the same class, right or wrong.
        mcnemar_p: two-sided p-value of McNemar's exact test.
        classes: every class that has test images, largest drop first.
        confusions: at most 30 wrong answers whose number changed, largest change first.
    """

    agreement: Rate
    mcnemar_p: float
    classes: tuple[ClassDrop, ...]
    confusions: tuple[ConfusionChange, ...]


@dataclass(frozen=True)
class GateResult:
    """One gate, judged.

    Attributes:
        gate: "max-drop", "min-speedup", "max-latency-ms", "max-size-mb" or "max-macs".
        network: label of the row that was judged.
        limit: in the gate's unit, as is ``measured``.
        pessimistic: the end of the interval that was compared with the limit; the value itself where it is exact.
    """

    gate: str
    network: str
    limit: float
    measured: float
    pessimistic: float
    passed: bool
