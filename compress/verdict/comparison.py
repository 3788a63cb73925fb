"""Two networks' answers on the same images: agreement, drop per class, confusions.

Axes: N images, K classes.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from torch import Tensor

from compress.report.results import ClassDrop, Comparison, ConfusionChange
from compress.statistics import mcnemar, paired_counts
from compress.verdict.accuracy import correct_pair, drop_points, rate_of

MOST_CONFUSIONS: Final = 30


def compare_answers(original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> Comparison:
    """Where the candidate's answers differ from the original's.

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
    """(class, wrong answer) -> number of images; sparse: a full table of 20,000 classes does not fit in memory."""
    wrong_N = truth_N != answer_N
    pairs, counts = np.unique(np.stack([truth_N[wrong_N], answer_N[wrong_N]]), axis=1, return_counts=True)
    return {(int(truth), int(answer)): int(count) for (truth, answer), count in zip(pairs.T, counts, strict=True)}
