"""What makes a device's timings doubtful: its clock, heat, other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from exporters.device.machine import State
from exporters.device.timing import PairTiming

_SLOWER = 1.1
"""Times as long at the end of a timing as at its beginning: the clock was lowered meanwhile."""

_LOWER_CLOCK = 0.9


def clock_warnings(before: State, after: State) -> Iterator[str]:
    """Warnings from the device's state, read under load before and after the timing."""
    governors = ", ".join(governor for governor in after.governors if governor != "performance")
    if governors:
        yield f"the governor is {governors}: the clock changes with the load; better: performance"
    if before.throttled is not None and after.throttled is not None and after.throttled > before.throttled:
        yield f"throttled because of heat: the system's counts went from {before.throttled} to {after.throttled}"
    first, last = before.frequency_mhz, after.frequency_mhz
    if first and last and last < _LOWER_CLOCK * first:
        yield f"the clock fell from {first:.0f} to {last:.0f} MHz"


def timing_warnings(timings: Sequence[PairTiming]) -> Iterator[str]:
    """Warnings from the timings themselves: one for each kind, which names the worst timing."""
    slower = [(slowed_down(one.comparison.original.sample_ms), one) for one in timings]
    yield from _worst(
        [(times, one) for times, one in slower if times > _SLOWER],
        "slower at the end than at the beginning, throttling?",
        lambda times: f"calls took {times:.2f} times as long",
    )
    yield from _worst(
        [(one.comparison.coefficient_of_variation, one) for one in timings if one.comparison.noisy],
        "noisy",
        lambda variation: f"medians of rounds vary by {variation:.0%}",
    )
    yield from _worst(
        [(-one.comparison.pairs, one) for one in timings if one.comparison.cut_short],
        "cut short, try more --seconds",
        lambda pairs: f"{-pairs:.0f} pairs",
    )
    if timings and not all(one.comparison.pinned for one in timings):
        yield "not held on cores of its own: the system does not allow it, or there are more threads than cores"


def _worst(found: Sequence[tuple[float, PairTiming]], what: str, words: Callable[[float], str]) -> Iterator[str]:
    if found:
        value, timing = max(found, key=lambda one: one[0])
        result = timing.comparison
        where = f"{timing.candidate} against {timing.original}, batch {result.batch_size}, threads {result.threads}"
        more = "" if len(found) == 1 else f"; so are {len(found) - 1} others"
        yield f"{where}: {what} ({words(value)}){more}"


def slowed_down(sample_ms: Sequence[float]) -> float:
    """The median of the last quarter of calls over that of the first."""
    quarter = max(1, len(sample_ms) // 4)
    return float(np.median(sample_ms[-quarter:]) / np.median(sample_ms[:quarter]))
