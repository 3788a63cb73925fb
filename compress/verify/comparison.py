"""How two networks' answers differ on the same images, beyond the drop: agreement, classes, confusions.

Axes: N images, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor

from compress.verify.accuracy import Rate, correct_pair, drop_points, rate_of
from compress.verify.statistics import mcnemar, paired_counts

MOST_CONFUSIONS: Final = 30


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


def compare_answers(original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> Comparison:
    """Where the candidate answers otherwise than the original.

    Args:
        original_NK: the original's logits [N, K].
        candidate_NK: the candidate's logits [N, K], of the same images in the same order.
        labels_N: class numbers [N], 0..K-1.

    Raises:
        CheckFailedError: shapes or labels do not fit, or a logit is not finite.
    """
    right_a_N, right_b_N = correct_pair(original_NK, candidate_NK, labels_N)
    truth_N = np.asarray(labels_N)
    answer_a_N, answer_b_N = np.argmax(original_NK, axis=1), np.argmax(candidate_NK, axis=1)
    classes = [_class_drop(int(label), truth_N, right_a_N, right_b_N) for label in np.unique(truth_N)]
    return Comparison(
        agreement=rate_of(int((answer_a_N == answer_b_N).sum()), len(truth_N)),
        mcnemar_p=mcnemar(paired_counts(right_a_N, right_b_N)),
        classes=tuple(sorted(classes, key=lambda drop: (-drop.points, drop.label))),
        confusions=tuple(_confusion_changes(truth_N, answer_a_N, answer_b_N))[:MOST_CONFUSIONS],
    )


def _class_drop(label: int, truth_N: np.ndarray, right_a_N: np.ndarray, right_b_N: np.ndarray) -> ClassDrop:
    ours_N = truth_N == label
    counts = paired_counts(right_a_N[ours_N], right_b_N[ours_N])
    points, low, high = drop_points(counts)
    return ClassDrop(
        label=label,
        images=sum(counts),
        original_hits=counts.both + counts.only_a,
        candidate_hits=counts.both + counts.only_b,
        points=points,
        low=low,
        high=high,
    )


def _confusion_changes(
    truth_N: np.ndarray, answer_a_N: np.ndarray, answer_b_N: np.ndarray
) -> Iterator[ConfusionChange]:
    """Wrong answers whose number changed: largest change first, of equal ones those that became more."""
    before, after = _wrong_answers(truth_N, answer_a_N), _wrong_answers(truth_N, answer_b_N)
    changes = {pair: after.get(pair, 0) - before.get(pair, 0) for pair in before | after}
    for pair, change in sorted(changes.items(), key=lambda item: (-abs(item[1]), -item[1], item[0])):
        if change:
            yield ConfusionChange(*pair, original=before.get(pair, 0), candidate=after.get(pair, 0))


def _wrong_answers(truth_N: np.ndarray, answer_N: np.ndarray) -> dict[tuple[int, int], int]:
    """(class, wrong answer) -> images; only what happened, as a table of 20,000 classes squared fits no memory."""
    wrong_N = truth_N != answer_N
    pairs, counts = np.unique(np.stack([truth_N[wrong_N], answer_N[wrong_N]]), axis=1, return_counts=True)
    return {(int(truth), int(answer)): int(count) for (truth, answer), count in zip(pairs.T, counts, strict=True)}
