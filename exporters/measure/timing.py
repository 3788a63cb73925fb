"""What can be said of one file's timings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporters.measure.paired_ratio import median_interval

# With n samples, none lies above the quantile q with probability q^n: about 0.1 % at these n.
_FEWEST_FOR_P90 = 64
_FEWEST_FOR_P99 = 662
_MOST_SHOWN = 200


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call; a percentile is ``None`` where the sample is too small for it.

    Attributes:
        samples: calls that were timed.
        p50_ms: the median.
        p50_low_ms: lower end of the median's 95 % bootstrap interval.
        p50_high_ms: upper end.
        p90_ms: 90 % of the calls were at most this long; from 64 samples on.
        p99_ms: 99 % of the calls were at most this long; from 662 samples on.
        images_per_second: images of a call over the median: what calls one after the other come to, but for the
            few that took long.
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


def summarise_timing(rounds: Sequence[np.ndarray], *, batch_size: int, seed: int) -> Timing:
    """Percentiles of all calls, each only where their number allows it.

    Args:
        rounds: at least 2 arrays of milliseconds a call, in the order they were timed.
        batch_size: images in a call.
        seed: of the bootstrap.
    """
    milliseconds = np.concatenate(rounds)
    count = len(milliseconds)
    p50, p90, p99 = (float(value) for value in np.percentile(milliseconds, (50, 90, 99)))
    low, high = median_interval(rounds, seed=seed)
    medians = np.array([np.median(part) for part in rounds])
    return Timing(
        samples=count,
        p50_ms=p50,
        # A bootstrap of a median need not contain it where values repeat; an interval that does not is no use.
        p50_low_ms=min(low, p50),
        p50_high_ms=max(high, p50),
        p90_ms=p90 if count >= _FEWEST_FOR_P90 else None,
        p99_ms=p99 if count >= _FEWEST_FOR_P99 else None,
        images_per_second=1e3 * batch_size / p50,
        coefficient_of_variation=float(medians.std(ddof=1) / medians.mean()),
        sample_ms=tuple(float(value) for value in milliseconds[:: -(-count // _MOST_SHOWN)]),
    )
