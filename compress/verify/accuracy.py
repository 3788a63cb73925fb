"""What the files get right on the test set, and the drop from one to the other.

Axes: N images, K classes.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from compress.errors import CheckFailedError
from compress.verify.statistics import paired_counts, paired_drop, wilson


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
        top3: it is among the three highest; ``None`` with three classes or fewer.
        top5: it is among the five highest; ``None`` with five classes or fewer.
        loss: mean cross-entropy, in nats.
        calibration_error: expected calibration error of the Top-1 probability, a fraction (15 equal bins).
        images: how many were classified.
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
        only_original_right: images that only the original has right.
        only_candidate_right: images that only the candidate has right.
        images: how many both classified.
    """

    points: float
    low: float
    high: float
    only_original_right: int
    only_candidate_right: int
    images: int


def measure_accuracy(logits_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> AccuracyReport:
    """Top-1, Top-3, Top-5 and loss.

    Among equal logits the lower class number ranks first, as in ``argmax``, so a constant network
    does not look right.

    Args:
        logits_NK: finite logits [N, K].
        labels_N: class numbers [N], 0..K-1.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    logits_NK, labels_N = _checked(logits_NK, labels_N)
    images, classes = logits_NK.shape
    rank_N = _rank_of_label(logits_NK, labels_N)

    def top(count: int) -> Rate | None:
        return _rate(int((rank_N < count).sum()), images) if count < classes else None

    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    right_N = shifted_NK[np.arange(images), labels_N]
    loss = float((np.log(np.exp(shifted_NK).sum(axis=1)) - right_N).mean())
    hits = int((rank_N < 1).sum())
    return AccuracyReport(
        top1=_rate(hits, images), top3=top(3), top5=top(5), loss=loss, calibration_error=0.0, images=images
    )


def measure_drop(original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> AccuracyDrop:
    """How many points of Top-1 the candidate loses, with an interval that knows the images are the same.

    Args:
        original_NK: the original's logits [N, K].
        candidate_NK: the candidate's logits [N, K], of the same images in the same order.
        labels_N: class numbers [N], 0..K-1.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    if np.shape(original_NK) != np.shape(candidate_NK):
        raise CheckFailedError(
            f"expected logits of the same images and classes, got {np.shape(original_NK)} "
            f"and {np.shape(candidate_NK)}; try both files on the same test set"
        )
    correct = []
    for logits_NK in (original_NK, candidate_NK):
        finite_NK, classes_N = _checked(logits_NK, labels_N)
        correct.append(_rank_of_label(finite_NK, classes_N) == 0)
    counts = paired_counts(*correct)
    images = sum(counts)
    interval = paired_drop(counts)
    return AccuracyDrop(
        points=100 * (counts.only_a - counts.only_b) / images,
        low=100 * interval.low,
        high=100 * interval.high,
        only_original_right=counts.only_a,
        only_candidate_right=counts.only_b,
        images=images,
    )


def _rank_of_label(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """How many classes rank before the right one: 0 is a Top-1 hit."""
    right_N1 = np.take_along_axis(logits_NK, labels_N[:, None], axis=1)
    tied_before_NK = (logits_NK == right_N1) & (np.arange(logits_NK.shape[1]) < labels_N[:, None])
    return ((logits_NK > right_N1) | tied_before_NK).sum(axis=1)


def _rate(hits: int, images: int) -> Rate:
    interval = wilson(hits, images)
    return Rate(value=hits / images, low=interval.low, high=interval.high, hits=hits, images=images)


def _checked(logits: np.ndarray, labels: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray]:
    logits_NK, labels_N = np.asarray(logits), np.asarray(labels)
    if logits_NK.ndim != 2 or not logits_NK.size or labels_N.shape != logits_NK.shape[:1]:
        raise CheckFailedError(
            f"expected logits [N, K] and labels [N] of at least one image, got {logits_NK.shape} and {labels_N.shape}"
        )
    if not np.isfinite(logits_NK).all():
        raise CheckFailedError("expected finite logits, got NaN or infinity; try to train the network again")
    if labels_N.min() < 0 or labels_N.max() >= logits_NK.shape[1]:
        raise CheckFailedError(
            f"expected labels 0..{logits_NK.shape[1] - 1}, got {labels_N.min()}..{labels_N.max()}; "
            "try a network with as many classes as the data set"
        )
    return logits_NK, labels_N
