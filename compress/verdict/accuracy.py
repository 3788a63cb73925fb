"""Accuracy and calibration of files on the test set, and the drop from one file to another.

Axes: N images, K classes, B bins.
"""

import numpy as np
from torch import Tensor

from compress.errors import CheckFailedError
from compress.report.results import AccuracyDrop, AccuracyReport, Rate
from compress.statistics import PairedCounts, paired_counts, paired_drop, wilson

BINS = 15


def measure_accuracy(logits_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> AccuracyReport:
    """Top-1, Top-3, Top-5, loss and calibration, of finite logits [N, K] and class numbers [N], 0..K-1.

    Among equal logits the lower class number ranks first, as in ``argmax``, so a constant network
    scores no better than chance. CheckFailedError where shapes or labels do not fit, or a logit is not finite.
    """
    logits_NK, labels_N = _checked_logits(logits_NK, labels_N)
    images, classes = logits_NK.shape
    rank_N = _rank_of_label(logits_NK, labels_N)

    def top(count: int) -> Rate | None:
        return rate_of(int((rank_N < count).sum()), images) if count < classes else None

    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    log_probability_NK = shifted_NK - np.log(np.exp(shifted_NK).sum(axis=1, keepdims=True))
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

    Both logits [N, K] are of the same images in the same order; CheckFailedError where anything does not fit.
    """
    counts = paired_counts(*correct_pair(original_NK, candidate_NK, labels_N))
    return AccuracyDrop(*drop_points(counts), counts.only_a, counts.only_b, images=sum(counts))


def correct_pair(
    original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Which images [N] each of the two networks has right; CheckFailedError where anything does not fit."""
    if np.shape(original_NK) != np.shape(candidate_NK):
        raise CheckFailedError(
            f"expected logits of the same images and classes, got {np.shape(original_NK)} "
            f"and {np.shape(candidate_NK)}; try both files on the same test set"
        )
    original_N, candidate_N = (
        _rank_of_label(*_checked_logits(logits_NK, labels_N)) == 0 for logits_NK in (original_NK, candidate_NK)
    )
    return original_N, candidate_N


def drop_points(counts: PairedCounts) -> tuple[float, float, float]:
    """The drop from the first network to the second, and its 95 % interval, in percentage points."""
    interval = paired_drop(counts)
    return 100 * (counts.only_a - counts.only_b) / sum(counts), 100 * interval.low, 100 * interval.high


def rate_of(hits: int, images: int) -> Rate:
    """``hits`` of ``images``, with the interval."""
    interval = wilson(hits, images)
    return Rate(value=hits / images, low=interval.low, high=interval.high, hits=hits, images=images)


def calibration_error(confidence_N: np.ndarray, correct_N: np.ndarray) -> float:
    """Expected calibration error: mean distance between probability and accuracy over bins of equal width.

    ``sum_b n_b / N |right_b - confidence_b|`` over 15 bins ``((b - 1) / 15, b / 15]`` (Guo et al., *On
    Calibration of Modern Neural Networks*, ICML 2017, eq. 3). 0 is perfect. Small samples look worse
    than they are: a perfect network has about 0.01 on 4,000 images, 0.04 on 400. ValueError unless ``confidence_N``,
    the probability of the answered class, is 0..1, and there are as many answers ``correct_N`` (right or not).
    """
    if not confidence_N.size or confidence_N.shape != correct_N.shape:
        raise ValueError(f"expected as many answers as probabilities, got {correct_N.shape} and {confidence_N.shape}")
    if not ((confidence_N >= 0) & (confidence_N <= 1)).all():
        raise ValueError("expected probabilities between 0 and 1, got others; try a softmax of the logits")
    bin_N = np.clip(np.ceil(confidence_N * BINS).astype(int) - 1, 0, BINS - 1)
    surplus_B = np.bincount(bin_N, weights=confidence_N - correct_N, minlength=BINS)
    return float(np.abs(surplus_B).sum() / len(confidence_N))


def _checked_logits(logits: np.ndarray, labels: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Logits [N, K] and labels [N] as arrays; CheckFailedError where anything does not fit."""
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
