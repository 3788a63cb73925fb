"""Two networks' answers on the same images: agreement, drop per class, confusions, pictures; classes never answered.

Axes: N images, K classes.
"""

import base64
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compress.data.bundle import DataBundle
from compress.lists import listed
from compress.report.model import ChangedImage
from compress.report.results import ClassDrop, Comparison, ConfusionChange
from compress.statistics import mcnemar, paired_counts
from compress.verdict.accuracy import correct_pair, drop_points, rate_of

MOST_CONFUSIONS: Final = 30

LOST, WON = 16, 8
"""Most images shown that only the original has right, and that only the candidate has right."""

MIN_IMAGES: Final = 20
"""A class with this many test images that is never answered is no accident."""

_SHOWN_CLASSES = 5
_SIDE = 96  # pixels


def compare_answers(original_NK: np.ndarray, candidate_NK: np.ndarray, labels_N: np.ndarray | Tensor) -> Comparison:
    """Where the candidate's answers differ from the original's, from logits of the same images in the same order.

    CheckFailedError where shapes or labels do not fit, or a logit is not finite.
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


def changed_images(data: DataBundle, original_NK: np.ndarray, candidate_NK: np.ndarray) -> tuple[ChangedImage, ...]:
    """Some test images that one network has right and the other has not, evenly spread, as pictures for the report."""
    labels_N = data.test.labels.numpy()
    original_N, candidate_N = original_NK.argmax(axis=1), candidate_NK.argmax(axis=1)
    lost = np.flatnonzero((original_N == labels_N) & (candidate_N != labels_N))
    won = np.flatnonzero((original_N != labels_N) & (candidate_N == labels_N))
    chosen = [*_spread(lost, LOST), *_spread(won, WON)]
    if not chosen:
        return ()
    images, _labels = next(iter(data.test.subset(torch.tensor(chosen)).batches(len(chosen))))
    answers = (numbers[chosen].tolist() for numbers in (labels_N, original_N, candidate_N))
    return tuple(
        ChangedImage(index=index, truth=truth, original=original, candidate=candidate, png=_png(image, data))
        for index, image, truth, original, candidate in zip(chosen, images, *answers, strict=True)
    )


def never_answered(answers: Mapping[str, np.ndarray], labels_N: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """A note on every file, label -> logits [N, K], that never answers with some class: an average hides them."""
    images_K = np.bincount(labels_N, minlength=len(classes))
    notes = []
    for label, logits_NK in answers.items():
        given_K = np.bincount(logits_NK.argmax(1), minlength=len(classes))
        missing = [classes[int(k)] for k in np.flatnonzero((images_K >= MIN_IMAGES) & (given_K == 0))]
        if missing:
            shown = listed(missing, most=_SHOWN_CLASSES)
            notes.append(f"{label} never answers {shown}, whatever the image")
    return tuple(notes)


def _class_drop(label: int, truth_N: np.ndarray, right_a_N: np.ndarray, right_b_N: np.ndarray) -> ClassDrop:
    ours_N = truth_N == label
    counts = paired_counts(right_a_N[ours_N], right_b_N[ours_N])
    hits = counts.both + counts.only_a, counts.both + counts.only_b
    return ClassDrop(label, sum(counts), *hits, *drop_points(counts))


def _confusion_changes(
    truth_N: np.ndarray, answer_a_N: np.ndarray, answer_b_N: np.ndarray
) -> Iterator[ConfusionChange]:
    """Wrong answers whose number changed: largest change first, of equal ones those that became more."""
    before, after = _wrong_answers(truth_N, answer_a_N), _wrong_answers(truth_N, answer_b_N)
    changes = {pair: after[pair] - before[pair] for pair in before | after}
    for pair, change in sorted(changes.items(), key=lambda item: (-abs(item[1]), -item[1], item[0])):
        if change:
            yield ConfusionChange(*pair, original=before[pair], candidate=after[pair])


def _wrong_answers(truth_N: np.ndarray, answer_N: np.ndarray) -> Counter[tuple[int, int]]:
    """(class, wrong answer) -> number of images; sparse: a full table of 20,000 classes does not fit in memory."""
    wrong_N = truth_N != answer_N
    return Counter(zip(truth_N[wrong_N].tolist(), answer_N[wrong_N].tolist(), strict=True))


def _spread(places: np.ndarray, most: int) -> list[int]:
    picked = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    return [int(place) for place in places[picked]]


def _png(image_CHW: Tensor, data: DataBundle) -> str:
    """An image as it was before normalisation, at most ``_SIDE`` pixels a side, as base64."""
    levels = data.preprocessing.restore(image_CHW)
    picture = Image.fromarray(levels[..., 0] if data.preprocessing.channels == 1 else levels)
    picture.thumbnail((_SIDE, _SIDE))
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
