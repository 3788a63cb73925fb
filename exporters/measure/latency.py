"""Is the candidate file faster than the original? Paired, interleaved timing in onnxruntime.

A round opens both files afresh, because two sessions of one file differ by a percent or so (memory
layout), holds the process on other cores than the round before, warms both files up, then times them
in turn, in an order drawn for every pair. Pairs that another process came between do not count for the
ratio. Its interval resamples rounds, and blocks of neighbouring pairs within them, so that it covers
what changes between sessions and cores and what drifts within one.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from exporters.measure.affinity import core_sets, held_on
from exporters.measure.calls import Call, CallFactory, calls_of
from exporters.measure.interruptions import Round, interruptions, undisturbed
from exporters.measure.paired_ratio import ratio_interval
from exporters.measure.timing import Timing, summarise_timing

Verdict = Literal["faster", "slower", "no difference"]

FEWEST_ROUNDS = 4
FEWEST_PAIRS = 3  # per round
NOISY_ABOVE = 0.1
# A file timed against itself gave intervals such as 0.990 to 0.999, once in a dozen: a smaller
# difference than this is none, however sure the interval is.
RESOLUTION = 0.01
_STABLE_WITHIN = 0.05
_WARMUP_WINDOW = 5


@dataclass(frozen=True)
class LatencySettings:
    """How long to measure one setting of batch size and threads.

    Attributes:
        rounds: times that both files are opened afresh.
        min_pairs: pairs to time, over all rounds, even where ``min_seconds`` are over.
        min_seconds: seconds to time, over all rounds, without opening and warm-up.
        max_seconds: seconds for everything; then a round ends with what it has, and no round starts
            beyond the fourth.
        warmup_seconds: the longest warm-up of a round; it ends as soon as the timings are stable.
        seed: of the images, the order within pairs and the bootstrap.
    """

    rounds: int = 16
    min_pairs: int = 64
    min_seconds: float = 2.5
    max_seconds: float = 6.0
    warmup_seconds: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class LatencyComparison:
    """Two files, timed in turn on the same images.

    Attributes:
        batch_size: images in a call.
        threads: of onnxruntime.
        rounds: times that both files were opened.
        original: timing of the original.
        candidate: timing of the candidate.
        ratio: median of original / candidate over the pairs that nothing interrupted, or over all where
            those are too few; above 1 the candidate is faster.
        ratio_low: lower end of the 95 % interval on the ratio.
        ratio_high: its upper end.
        pinned: whether the process was held on as many cores as there are threads.
        noisy: whether a file's coefficient of variation is above 0.1: the machine was busy, or its clock changed.
    """

    batch_size: int
    threads: int
    rounds: int
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
    def verdict(self) -> Verdict:
        """What can be said of the candidate: its whole interval lies more than 1 % beyond 1, or nothing."""
        if self.ratio_low > 1 + RESOLUTION:
            return "faster"
        return "slower" if self.ratio_high < 1 - RESOLUTION else "no difference"


def compare_latency(
    original: Path,
    candidate: Path,
    *,
    image_size: tuple[int | None, int | None],
    batch_size: int,
    threads: int,
    settings: LatencySettings,
) -> LatencyComparison:
    """Time two ONNX files in turn, on the CPU, each on random images of its own shape and type.

    Args:
        original: the file to compare with.
        candidate: the file that should be faster.
        image_size: pixels of the original's and the candidate's images, where the files leave them free.
        batch_size: images in a call.
        threads: of onnxruntime, the same for both.
        settings: how long, and the seed.

    Raises:
        OnnxFileError: a file cannot be opened, or is no image classifier.
        ExportError: a file does not take this batch size, or needs an image size, or fails on its images.
    """
    random = np.random.default_rng(settings.seed)
    factories = [
        calls_of(path, image_size=size, batch_size=batch_size, seed=settings.seed)
        for path, size in zip((original, candidate), image_size, strict=True)
    ]
    choices = core_sets(threads) or ((),)
    rounds: list[Round] = []
    pinned = True
    start = time.perf_counter()
    while len(rounds) < max(settings.rounds, FEWEST_ROUNDS):
        if len(rounds) >= FEWEST_ROUNDS and time.perf_counter() - start > settings.max_seconds:
            break
        with held_on(choices[len(rounds) % len(choices)]) as held:
            calls = _open_both(factories, threads=threads, random=random)
            _warm_up(calls, seconds=settings.warmup_seconds)
            rounds.append(_time_pairs(calls, settings=settings, random=random))
        pinned = pinned and held
    return _summarise(rounds, batch_size=batch_size, threads=threads, seed=settings.seed, pinned=pinned)


Calls = tuple[Call, Call]


def _open_both(factories: Sequence[CallFactory], *, threads: int, random: np.random.Generator) -> Calls:
    """Open both, in random order: the second may get the worse memory."""
    original, candidate = factories
    if random.random() < 0.5:
        first = original.open(threads=threads)
        return first, candidate.open(threads=threads)
    second = candidate.open(threads=threads)
    return original.open(threads=threads), second


def _warm_up(calls: Calls, *, seconds: float) -> None:
    """Run both until two windows in a row have the same medians, or the time is over."""
    end = time.perf_counter() + seconds
    previous = np.full(2, np.inf)
    while time.perf_counter() < end:
        window = [[call.milliseconds() for call in calls] for _ in range(_WARMUP_WINDOW)]
        medians = np.median(window, axis=0)
        if (np.abs(medians - previous) <= _STABLE_WITHIN * medians).all():
            return
        previous = medians


def _time_pairs(calls: Calls, *, settings: LatencySettings, random: np.random.Generator) -> Round:
    """Time the original and the candidate in turn."""
    original, candidate = calls
    wanted = -(-settings.min_pairs // settings.rounds)
    pairs: list[tuple[float, float]] = []
    disturbed: list[int] = []
    with _no_garbage_collection():
        start = time.perf_counter()
        while True:
            seconds = (time.perf_counter() - start) * settings.rounds
            enough = seconds >= settings.min_seconds and len(pairs) >= wanted
            if len(pairs) >= FEWEST_PAIRS and (enough or seconds >= settings.max_seconds):
                return Round(np.array(pairs), np.array(disturbed))
            before = interruptions()
            if random.random() < 0.5:
                first = original.milliseconds()
                pairs.append((first, candidate.milliseconds()))
            else:
                first = candidate.milliseconds()
                pairs.append((original.milliseconds(), first))
            disturbed.append(interruptions() - before)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _summarise(rounds: list[Round], *, batch_size: int, threads: int, seed: int, pinned: bool) -> LatencyComparison:
    quiet = undisturbed(rounds, fewest_rounds=FEWEST_ROUNDS, fewest_pairs=FEWEST_PAIRS)
    interval = ratio_interval(quiet, seed=seed)
    original, candidate = (
        summarise_timing([part.milliseconds[:, column] for part in rounds], batch_size=batch_size, seed=seed)
        for column in (0, 1)
    )
    return LatencyComparison(
        batch_size=batch_size,
        threads=threads,
        rounds=len(rounds),
        original=original,
        candidate=candidate,
        ratio=interval.ratio,
        ratio_low=interval.low,
        ratio_high=interval.high,
        pinned=pinned,
        noisy=max(original.coefficient_of_variation, candidate.coefficient_of_variation) > NOISY_ABOVE,
    )
