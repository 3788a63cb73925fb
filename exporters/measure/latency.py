"""Is the candidate file faster than the original? Paired, interleaved timing in onnxruntime, here and on a device.

A round opens both files afresh, because two sessions of one file differ by a percent or so (memory layout), holds the
process on other cores than the round before, warms both files up, then times them in turn, in an order drawn for every
pair. Pairs that another process came between do not count for the ratio. Its interval resamples rounds, and blocks of
neighbouring pairs within them, so that it covers what changes between sessions and cores and what drifts within one.

Before each timed call the same file runs untimed, so that its weights are in the caches again after the other file's
turn, as where a program runs one network in a loop. Without that, SqueezeNet pruned to half the MACs looked 1.66 times
as fast as the original, with it 2.45 times (48 pixels, batch 1): its weights fit the cache, the original's do not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from exporters.measure.latency_results import LatencyComparison, ratio_interval, summarise_timing
from exporters.measure.scheduling import core_sets, held_on, interruptions
from exporters.measure.timed_call import Call

_FEWEST_ROUNDS = 4
_FEWEST_PAIRS = 3  # per round
_NOISY_ABOVE = 0.1
_STABLE_WITHIN = 0.05


@dataclass(frozen=True)
class LatencySettings:
    """How long to measure one setting of batch size and threads.

    Attributes:
        rounds: times that both files are opened afresh.
        min_pairs: pairs to time, over all rounds, even where ``min_seconds`` are over.
        min_seconds: seconds to time, over all rounds, without opening and warm-up.
        max_seconds: seconds for everything; then a round ends with what it has, and none starts beyond the fourth.
        warmup_seconds: the longest warm-up of a round beyond two windows; it ends when the timings are stable.
        seed: of the images, the order within pairs and the bootstrap.
    """

    rounds: int = 16
    min_pairs: int = 64
    min_seconds: float = 2.5
    max_seconds: float = 30.0
    warmup_seconds: float = 0.1
    seed: int = 0

    @classmethod
    def lasting(cls, seconds: float, *, seed: int = 0) -> LatencySettings:
        """The usual settings for ``seconds``; slow networks may take 30 s, or four times as long, for enough pairs."""
        return cls(seed=seed, min_seconds=seconds, max_seconds=max(cls.max_seconds, 4 * seconds))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True)
class Round:
    """Pairs timed between one opening of the files and the next: milliseconds [pairs, 2] of original and candidate.

    ``interruptions`` [pairs] are the times that another process ran in between.
    """

    milliseconds: np.ndarray
    interruptions: np.ndarray


def compare_calls(
    openers: Sequence[Callable[[], Call]], *, batch_size: int, threads: int, settings: LatencySettings
) -> LatencyComparison:
    """Time two files in turn, which ``openers`` open: the original's first. Their errors are not caught.

    ``threads`` and ``batch_size`` are those of the calls.
    """
    random = np.random.default_rng(settings.seed)
    choices = core_sets(threads) or ((),)
    rounds: list[Round] = []
    settling, pinned, start = 0, True, time.perf_counter()
    while len(rounds) < max(settings.rounds, _FEWEST_ROUNDS):
        if len(rounds) >= _FEWEST_ROUNDS and time.perf_counter() - start > settings.max_seconds:
            break
        with held_on(choices[len(rounds) % len(choices)]) as held:
            # In random order, because the second may get the worse memory.
            calls = {place: openers[place]() for place in _random_order(random)}
            slower_ms = _warm_up([*calls.values()], seconds=settings.warmup_seconds)
            if not rounds:  # beyond 50 ms what the caches held is a small part of a call
                settling = 2 if slower_ms < 10 else 1 if slower_ms < 50 else 0
            rounds.append(_time_pairs(calls, settling=settling, settings=settings, random=random))
            pinned = pinned and held
    used = undisturbed(rounds)
    ratio, ratio_low, ratio_high = ratio_interval(used, seed=settings.seed)
    timings = [
        summarise_timing([part.milliseconds[:, column] for part in rounds], batch_size=batch_size, seed=settings.seed)
        for column in (0, 1)
    ]
    pairs = sum(len(part.milliseconds) for part in rounds)
    return LatencyComparison(
        batch_size=batch_size,
        threads=threads,
        rounds=len(rounds),
        settling_calls=settling,
        pairs=pairs,
        pairs_used=sum(len(part) for part in used),
        cut_short=pairs < settings.min_pairs or len(rounds) < settings.rounds,
        original=timings[0],
        candidate=timings[1],
        ratio=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
        pinned=pinned,
        noisy=max(timing.coefficient_of_variation for timing in timings) > _NOISY_ABOVE,
    )


def undisturbed(rounds: Sequence[Round]) -> list[np.ndarray]:
    """Uninterrupted pairs [pairs, 2] of each round with at least 3; all pairs if fewer than 4 rounds have so many."""
    clean = [part.milliseconds[part.interruptions == 0] for part in rounds]
    enough = [pairs for pairs in clean if len(pairs) >= _FEWEST_PAIRS]
    return enough if len(enough) >= _FEWEST_ROUNDS else [part.milliseconds for part in rounds]


def _warm_up(calls: Sequence[Call], *, seconds: float) -> float:
    """Run both until two windows in a row have the same medians, or time is over; milliseconds of the slower's call."""
    end = time.perf_counter() + seconds
    previous = np.full(2, np.inf)
    count = 5 if max(call.milliseconds() for call in calls) < 10 else 2
    while True:
        medians = np.median([[call.milliseconds() for call in calls] for _ in range(count)], axis=0)
        stable = bool((np.abs(medians - previous) <= _STABLE_WITHIN * medians).all())
        if stable or (np.isfinite(previous).all() and time.perf_counter() > end):
            return float(medians.max())
        previous = medians


@_no_garbage_collection()
def _time_pairs(
    calls: Mapping[int, Call], *, settling: int, settings: LatencySettings, random: np.random.Generator
) -> Round:
    """One round of both files in turn, each after untimed calls of its own."""
    wanted = -(-settings.min_pairs // settings.rounds)
    pairs: list[list[float]] = []
    disturbed: list[int] = []
    start = time.perf_counter()
    while True:
        seconds = (time.perf_counter() - start) * settings.rounds
        enough = seconds >= settings.min_seconds and len(pairs) >= wanted
        if len(pairs) >= _FEWEST_PAIRS and (enough or seconds >= settings.max_seconds):
            return Round(np.array(pairs), np.array(disturbed))
        before = interruptions()
        pair = [0.0, 0.0]
        for place in _random_order(random):
            for _ in range(settling):
                calls[place].milliseconds()
            pair[place] = calls[place].milliseconds()
        pairs.append(pair)
        disturbed.append(interruptions() - before)


def _random_order(random: np.random.Generator) -> tuple[int, int]:
    """The places of the original, 0, and the candidate, 1, in random order."""
    return (0, 1) if random.random() < 0.5 else (1, 0)
