"""Does a file answer on this device as it did where the kit was made?

Axes: N images, K scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exporters.errors import CallError
from exporters.read.tolerance import logit_tolerance

EXACT, REDUCED = "logits", "classes"
"""The rules: logits within the tolerance; or most classes the same, for arithmetic of few bits."""

FEWEST_AGREEING = 0.9
"""Of the images. Processors sum INT8 differently, which changes few answers; a kernel that overflows changes most."""

_BATCH = 8


@dataclass(frozen=True)
class OtherAnswer:
    """An image whose class differs from the expected one: number in the kit, true class, expected and found class."""

    image: int
    truth: int
    expected: int
    found: int


@dataclass(frozen=True)
class Answers:
    """The comparison of one file's answers.

    Attributes:
        rule: "logits" (all within ``tolerance``) or "classes" (at least 90 % the same).
        images: images that were compared.
        agreeing: those of the same class.
        max_abs_difference: the largest between two scores.
        tolerance: of the rule "logits"; ``None`` for the other.
        right: images whose true class is found here.
        expected_right: the same where the kit was made.
        differing: the images of another class.
    """

    rule: str
    images: int
    agreeing: int
    max_abs_difference: float
    tolerance: float | None
    right: int
    expected_right: int
    differing: tuple[OtherAnswer, ...]

    @property
    def passed(self) -> bool:
        """Whether the rule holds. Within the tolerance, another class means that two scores were as good as equal."""
        if self.tolerance is not None:
            return self.max_abs_difference <= self.tolerance
        return self.agreeing >= FEWEST_AGREEING * self.images


def rule_for(precision: str, *, on_cpu: bool) -> str:
    """Which rule holds for a file: "logits" only in float32 on the CPU, since other providers compute in fewer bits."""
    return EXACT if precision == "fp32" and on_cpu else REDUCED


def compare_answers(
    found_NK: np.ndarray,
    expected_NK: np.ndarray,
    labels_N: np.ndarray,
    *,
    rule: str,
    class_order: tuple[int, ...] | None = None,
) -> Answers:
    """Compare scores of the same images; CallError if they have another shape or are not finite.

    ``class_order`` is the place of each class in the output, in order where ``None``.
    """
    if found_NK.shape != expected_NK.shape:
        raise CallError(f"expected scores of shape {expected_NK.shape}, the file gives {found_NK.shape}")
    if not np.isfinite(found_NK).all():
        raise CallError("expected finite scores, the file gives NaN or infinity")
    if class_order is not None:
        found_NK, expected_NK = found_NK[:, list(class_order)], expected_NK[:, list(class_order)]
    found_N, expected_N = found_NK.argmax(axis=1), expected_NK.argmax(axis=1)
    differing = np.flatnonzero(found_N != expected_N)
    return Answers(
        rule=rule,
        images=len(found_N),
        agreeing=len(found_N) - len(differing),
        max_abs_difference=float(np.abs(found_NK - expected_NK).max()),
        tolerance=logit_tolerance(expected_NK) if rule == EXACT else None,
        right=int((found_N == labels_N).sum()),
        expected_right=int((expected_N == labels_N).sum()),
        differing=tuple(OtherAnswer(int(n), int(labels_N[n]), int(expected_N[n]), int(found_N[n])) for n in differing),
    )


def batches_of(images: np.ndarray) -> list[np.ndarray]:
    """The images [N, ...] in batches that a small device has memory for."""
    return [images[first : first + _BATCH] for first in range(0, len(images), _BATCH)]
