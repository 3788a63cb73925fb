"""How many times as fast, from paired timings in rounds: the median ratio and its bootstrap interval.

Both calls of a pair meet the same load and clock, so their ratio is steady where the two medians over
all pairs are not: on a machine with two busy neighbours a file against itself gave 0.97 to 1.03 by
pairs and 0.77 to 1.75 by medians.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit

_RESAMPLES: Final = 1000
_MOST_VALUES: Final = 10**6  # drawn at once
_TAIL: Final = 0.025  # outside either end of a 95 % interval


class RatioInterval(NamedTuple):
    """Median over all pairs of original / candidate, and its 95 % interval."""

    ratio: float
    low: float
    high: float


def ratio_interval(rounds: Sequence[np.ndarray], *, seed: int) -> RatioInterval:
    """The median ratio of at least 2 rounds, arrays [pairs, 2] of milliseconds of the original and the candidate."""
    logs = [np.log(pairs[:, 0] / pairs[:, 1]) for pairs in rounds]
    values = (np.median(np.concatenate(logs)), *median_interval(logs, seed=seed))
    return RatioInterval(*(float(np.exp(value)) for value in values))


def median_interval(rounds: Sequence[np.ndarray], *, seed: int) -> tuple[float, float]:
    """95 % interval of the median of all values: two-stage bootstrap of rounds, then blocks within a round.

    Rounds carry what differs from session to session, circular blocks of ``sqrt(values)`` neighbours
    what drifts within one (Davison and Hinkley, Bootstrap Methods and their Application, 3.8 and 8.2).
    With few rounds a bootstrap is too narrow: of 70 real comparisons of a file with itself, 10 rounds
    each, 65 intervals contained 1. So the quantiles are those of ``expanded_tail``.

    Args:
        rounds: at least 2 arrays of values in the order they were measured.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    chosen = random.integers(len(rounds), size=(_RESAMPLES, len(rounds)))
    at_once = max(1, _MOST_VALUES // (len(rounds) * max(map(len, rounds))))
    medians = [_medians(rounds, chosen[first : first + at_once], random) for first in range(0, _RESAMPLES, at_once)]
    tail = expanded_tail(len(rounds))
    low, high = np.quantile(np.concatenate(medians), (tail, 1 - tail))
    return float(low), float(high)


def expanded_tail(rounds: int) -> float:
    """The share of resampled medians beyond either end: 2.5 % of infinitely many rounds, 0.9 % of 10.

    It is smaller as far as Student's t is wider than the normal distribution (the expanded percentile interval
    of Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 2015).
    """
    degrees = rounds - 1
    return float(ndtr(stdtrit(degrees, _TAIL) * (rounds / degrees) ** 0.5))


def _medians(rounds: Sequence[np.ndarray], chosen: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Medians [resamples] of the rounds chosen [resamples, rounds], blocks drawn anew within each."""
    drawn = np.full((*chosen.shape, max(map(len, rounds))), np.nan)  # a shorter round ends in NaN
    for number, values in enumerate(rounds):
        places = chosen == number
        drawn[places, : len(values)] = _resample_blocks(values, int(places.sum()), random)
    ordered = np.sort(drawn.reshape(len(chosen), -1), axis=1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=1)
    middle = np.stack([(count - 1) // 2, count // 2], axis=1)
    return np.take_along_axis(ordered, middle, axis=1).mean(axis=1)


def _resample_blocks(values: np.ndarray, times: int, random: np.random.Generator) -> np.ndarray:
    """``times`` resamples [times, values], of circular blocks of neighbours."""
    count = len(values)
    length = max(1, round(count**0.5))
    starts = random.integers(count, size=(times, -(-count // length), 1))
    return values[(starts + np.arange(length)).reshape(times, -1)[:, :count] % count]
