"""Quantiles of Student's t. Also part of the kit for a device, which has no scipy."""

import math


def student_quantile(share: float, degrees: int) -> float:
    """The value below which Student's t lies with probability ``share``, from 0.5 on, at ``degrees`` of freedom.

    With t = sqrt(degrees) tan(a) the probability is a finite sum of sines and cosines (Abramowitz and Stegun, 26.7.3
    and 26.7.4), which grows with the angle: halving finds the angle to the last bit.
    """
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _central(middle, degrees) < 2 * share - 1:
            low = middle
        else:
            high = middle
    return math.tan(high) * degrees**0.5


def _central(angle: float, degrees: int) -> float:
    """The probability of values between those of -angle and angle."""
    first, cosine = degrees % 2, math.cos(angle)
    term, total = math.sin(angle) * cosine**first, 0.0
    for power in range(first, degrees - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    return 2 / math.pi * (angle + total) if first else total
