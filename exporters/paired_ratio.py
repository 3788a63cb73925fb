"""The ratio of two medians from paired timings in rounds, with a bootstrap interval.

A round is an array [pairs, 2] of milliseconds: original, candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class RatioInterval:
    """Median of the original over median of the candidate, and its 95 % interval."""

    ratio: float
    low: float
    high: float


def ratio_interval(rounds: Sequence[np.ndarray], *, seed: int) -> RatioInterval:
    """Two-stage bootstrap: rounds with replacement, then circular blocks of pairs within a round.

    Rounds carry what differs from session to session, blocks of ``sqrt(pairs)`` neighbours what
    drifts within one (Davison and Hinkley, Bootstrap Methods and their Application, 3.8 and 8.2).
    Resampling both counts the noise within a round twice: in simulations of equal files it covered 1
    in 97 to 99 % of the runs, where rounds alone fell to 89 to 94 % with 6 to 12 of them.

    Args:
        rounds: at least 2 arrays [pairs, 2] of milliseconds.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    ratios = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        chosen = random.integers(len(rounds), size=len(rounds))
        ratios[number] = _ratio_of_medians([_resample_blocks(rounds[index], random) for index in chosen])
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(ratios, (tail, 1 - tail))
    return RatioInterval(ratio=_ratio_of_medians(rounds), low=float(low), high=float(high))


def round_variation(rounds: Sequence[np.ndarray]) -> tuple[float, float]:
    """Standard deviation over mean of the rounds' medians, for the original and the candidate."""
    medians = np.array([np.median(pairs, axis=0) for pairs in rounds])
    original, candidate = medians.std(axis=0, ddof=1) / medians.mean(axis=0)
    return float(original), float(candidate)


def _ratio_of_medians(rounds: Sequence[np.ndarray]) -> float:
    original, candidate = np.median(np.concatenate(rounds), axis=0)
    return float(original / candidate)


def _resample_blocks(pairs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    count = len(pairs)
    length = max(1, round(count**0.5))
    starts = random.integers(count, size=-(-count // length))
    indices = (starts[:, None] + np.arange(length)).ravel()[:count] % count
    return pairs[indices]
