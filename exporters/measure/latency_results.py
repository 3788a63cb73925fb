"""The result of timing two files against each other, and its statistics: medians and their bootstrap intervals.

Both calls of a pair meet the same load and clock, so their ratio is steady where the two medians over all pairs are
not: on a machine with two busy neighbours a file against itself gave 0.97 to 1.03 by pairs and 0.77 to 1.75 by medians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from exporters.measure.student import student_quantile

SpeedChange = Literal["faster", "slower", "no difference"]

RESOLUTION: Final = 0.01
"""A smaller difference than this is none, however narrow the interval is.

A file timed against itself gave intervals such as 0.990 to 0.999, once in a dozen.
"""
# With n samples, none lies above the quantile q with probability q^n: about 0.1 % at these n.
_FEWEST_FOR_P90: Final = 64
_FEWEST_FOR_P99: Final = 662
_MOST_SHOWN: Final = 200
_RESAMPLES: Final = 1000
_MOST_VALUES: Final = 10**6  # drawn at once
_TAIL: Final = 0.025  # outside either end of a 95 % interval


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call, with the 95 % bootstrap interval of their median."""

    samples: int  # calls that were timed
    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    p90_ms: float | None  # 90 % of the calls were at most this long; from 64 samples on
    p99_ms: float | None  # from 662 samples on
    images_per_second: float  # images of a call over the median
    coefficient_of_variation: float  # standard deviation over mean of the rounds' medians
    sample_ms: tuple[float, ...]  # at most 200 of the calls in the order they were timed, evenly spaced; for plots


@dataclass(frozen=True)
class LatencyComparison:
    """Two files, timed in turn on the same images.

    Attributes:
        rounds: times that both files were opened.
        settling_calls: untimed calls of the same file before each timed one.
        pairs: pairs that were timed.
        pairs_used: pairs for the ratio: the undisturbed ones, or all of them where too few were undisturbed.
        cut_short: whether the time was over before the pairs and rounds that were asked for.
        ratio: median of original / candidate over the used pairs; above 1 the candidate is faster.
            ``ratio_low`` and ``ratio_high`` are the ends of its 95 % interval.
        pinned: whether the process was held on as many cores as there are threads.
        noisy: whether a file's coefficient of variation is above 0.1: the machine was busy, or its clock changed.
    """

    batch_size: int
    threads: int
    rounds: int
    settling_calls: int
    pairs: int
    pairs_used: int
    cut_short: bool
    original: Timing
    candidate: Timing
    ratio: float
    ratio_low: float
    ratio_high: float
    pinned: bool
    noisy: bool

    @property
    def coefficient_of_variation(self) -> float:
        """Of the less steady of the two files."""
        return max(self.original.coefficient_of_variation, self.candidate.coefficient_of_variation)

    @property
    def speed_change(self) -> SpeedChange:
        """The candidate is faster or slower only where the whole interval lies more than 1 % beyond 1."""
        if self.ratio_low > 1 + RESOLUTION:
            return "faster"
        return "slower" if self.ratio_high < 1 - RESOLUTION else "no difference"


def summarise_timing(rounds: Sequence[np.ndarray], *, batch_size: int, seed: int) -> Timing:
    """Statistics of all calls, from at least 2 arrays of milliseconds a call; ``seed`` is the bootstrap's."""
    milliseconds = np.concatenate(rounds)
    count = len(milliseconds)
    p50, p90, p99 = (float(value) for value in np.percentile(milliseconds, (50, 90, 99)))
    low, high = median_interval(rounds, seed=seed)
    medians = np.array([np.median(part) for part in rounds])
    return Timing(
        samples=count,
        p50_ms=p50,
        # A bootstrap of a median need not contain it where values repeat; the interval shown does.
        p50_low_ms=min(low, p50),
        p50_high_ms=max(high, p50),
        p90_ms=p90 if count >= _FEWEST_FOR_P90 else None,
        p99_ms=p99 if count >= _FEWEST_FOR_P99 else None,
        images_per_second=1e3 * batch_size / p50,
        coefficient_of_variation=float(medians.std(ddof=1) / medians.mean()),
        sample_ms=tuple(milliseconds[:: -(-count // _MOST_SHOWN)].tolist()),
    )


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

    Rounds carry what differs from session to session, circular blocks of ``sqrt(values)`` neighbours what drifts within
    one (Davison and Hinkley, Bootstrap Methods and their Application, 3.8 and 8.2). With few rounds a bootstrap is too
    narrow: of 70 real comparisons of a file with itself, 10 rounds each, 65 intervals contained 1. So the quantiles are
    those of ``expanded_tail``. ``rounds`` are at least 2 arrays of values in the order they were measured.
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
    quantile = student_quantile(1 - _TAIL, degrees) * (rounds / degrees) ** 0.5
    return 0.5 * math.erfc(quantile / 2**0.5)  # of the normal distribution


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
    blocks = -(-count // length)
    starts = random.integers(count, size=(times, blocks, 1))
    return values[(starts + np.arange(length)).reshape(times, blocks * length)[:, :count] % count]
