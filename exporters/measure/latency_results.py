"""The result of timing two files against each other, and the statistics of the calls of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from exporters.measure.bootstrap import median_interval

SpeedChange = Literal["faster", "slower", "no difference"]

RESOLUTION: Final = 0.01
"""A smaller difference than this is none, however narrow the interval is.

A file timed against itself gave intervals such as 0.990 to 0.999, once in a dozen.
"""
# With n samples, none lies above the quantile q with probability q^n: about 0.1 % at these n.
_FEWEST_FOR_P90: Final = 64
_FEWEST_FOR_P99: Final = 662
_MOST_SHOWN: Final = 200


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call; a percentile is ``None`` where the sample is too small for it.

    Attributes:
        samples: calls that were timed.
        p50_ms: the median; ``p50_low_ms`` and ``p50_high_ms`` are the ends of its 95 % bootstrap interval.
        p90_ms: 90 % of the calls were at most this long; from 64 samples on, ``p99_ms`` from 662 on.
        images_per_second: images of a call over the median.
        coefficient_of_variation: standard deviation over mean of the rounds' medians.
        sample_ms: at most 200 of the calls in the order they were timed, evenly spaced; for plots.
    """

    samples: int
    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    p90_ms: float | None
    p99_ms: float | None
    images_per_second: float
    coefficient_of_variation: float
    sample_ms: tuple[float, ...]


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
