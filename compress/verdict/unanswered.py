"""Classes that a file never answers: an average hides them, a user of that class does not.

Axes: N images, K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

ENOUGH = 20
"""Test images from which on it is no accident that a class is never answered."""

_SHOWN = 5


def unanswered(answers: Mapping[str, np.ndarray], labels_N: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """A note on every file that answers none of its test images with some class.

    Args:
        answers: label of the file -> logits (N, K).
        labels_N: right classes.
        classes: their K names.
    """
    images_K = np.bincount(labels_N, minlength=len(classes))
    notes = []
    for label, logits_NK in answers.items():
        given_K = np.bincount(logits_NK.argmax(1), minlength=len(classes))
        silent = [classes[int(k)] for k in np.flatnonzero((images_K >= ENOUGH) & (given_K == 0))]
        if silent:
            more = f" and {len(silent) - _SHOWN} more" if len(silent) > _SHOWN else ""
            notes.append(f"{label} never answers {', '.join(silent[:_SHOWN])}{more}, whatever the image")
    return tuple(notes)
