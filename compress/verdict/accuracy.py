"""Accuracy of files on the test set, and the drop from one file to another.

Axes: N images, K classes.
"""

import numpy as np
from torch import Tensor

from compress.errors import CheckFailedError
from compress.report.results import AccuracyDrop, AccuracyReport, Rate
from compress.statistics import PairedCounts, paired_counts, paired_drop, wilson
from compress.verdict.calibration import calibration_error


def measure_accuracy(logits_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> AccuracyReport:
    """Top-1, Top-3, Top-5, loss and calibration.

    Among equal logits the lower class number ranks first, as in ``argmax``, so a constant network
    scores no better than chance.

    Args:
        logits_NK: finite logits [N, K].
        labels_N: class numbers [N], 0..K-1.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    logits_NK, labels_N = checked_logits(logits_NK, labels_N)
    images, classes = logits_NK.shape
    rank_N = _rank_of_label(logits_NK, labels_N)

    def top(count: int) -> Rate | None:
        return rate_of(int((rank_N < count).sum()), images) if count < classes else None

    log_probability_NK = _log_softmax(logits_NK)
    confidence_N = np.exp(log_probability_NK.max(axis=1))
    return AccuracyReport(
        top1=rate_of(int((rank_N < 1).sum()), images),
        top3=top(3),
        top5=top(5),
        loss=-float(log_probability_NK[np.arange(images), labels_N].mean()),
        calibration_error=calibration_error(confidence_N, rank_N < 1),
        images=images,
    )


def measure_drop(original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> AccuracyDrop:
    """How many points of Top-1 the candidate loses, with an interval for paired images.

    Args:
        original_NK: the original's logits [N, K].
        candidate_NK: the candidate's logits [N, K], of the same images in the same order.
        labels_N: class numbers [N], 0..K-1.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    counts = paired_counts(*correct_pair(original_NK, candidate_NK, labels_N))
    points, low, high = drop_points(counts)
    return AccuracyDrop(
        points=points,
        low=low,
        high=high,
        only_original_right=counts.only_a,
        only_candidate_right=counts.only_b,
        images=sum(counts),
    )


def correct_pair(
    original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Which images [N] each of the two networks has right.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    if np.shape(original_NK) != np.shape(candidate_NK):
        raise CheckFailedError(
            f"expected logits of the same images and classes, got {np.shape(original_NK)} "
            f"and {np.shape(candidate_NK)}; try both files on the same test set"
        )
    original_NK, classes_N = checked_logits(original_NK, labels_N)
    candidate_NK, _ = checked_logits(candidate_NK, labels_N)
    return _rank_of_label(original_NK, classes_N) == 0, _rank_of_label(candidate_NK, classes_N) == 0


def drop_points(counts: PairedCounts) -> tuple[float, float, float]:
    """The drop from the first network to the second, and its 95 % interval, in percentage points."""
    interval = paired_drop(counts)
    return 100 * (counts.only_a - counts.only_b) / sum(counts), 100 * interval.low, 100 * interval.high


def rate_of(hits: int, images: int) -> Rate:
    """``hits`` of ``images``, with the interval."""
    interval = wilson(hits, images)
    return Rate(value=hits / images, low=interval.low, high=interval.high, hits=hits, images=images)


def checked_logits(logits: np.ndarray, labels: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Logits [N, K] and labels [N] as arrays.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
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


def _rank_of_label(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """How many classes rank before the right one: 0 is a Top-1 hit."""
    right_N1 = np.take_along_axis(logits_NK, labels_N[:, None], axis=1)
    tied_before_NK = (logits_NK == right_N1) & (np.arange(logits_NK.shape[1]) < labels_N[:, None])
    return ((logits_NK > right_N1) | tied_before_NK).sum(axis=1)


def _log_softmax(logits_NK: np.ndarray) -> np.ndarray:
    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    return shifted_NK - np.log(np.exp(shifted_NK).sum(axis=1, keepdims=True))
