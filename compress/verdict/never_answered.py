"""Classes that a file never answers: an average accuracy hides them.

Axes: N images, K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

ENOUGH = 20
"""A class with this many test images that is never answered is no accident."""

_SHOWN = 5


def never_answered(answers: Mapping[str, np.ndarray], labels_N: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """A note on every file that never answers with some class.

    Args:
        answers: label of the file -> logits (N, K).
        labels_N: right classes.
        classes: their K names.
    """
    images_K = np.bincount(labels_N, minlength=len(classes))
    notes = []
    for label, logits_NK in answers.items():
        given_K = np.bincount(logits_NK.argmax(1), minlength=len(classes))
        missing = [classes[int(k)] for k in np.flatnonzero((images_K >= ENOUGH) & (given_K == 0))]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            notes.append(f"{label} never answers {', '.join(missing[:_SHOWN])}{more}, whatever the image")
    return tuple(notes)
