"""Is the candidate file faster than the original? Paired, interleaved timing in onnxruntime.

A round opens both files afresh, because two sessions of one file differ by a percent or so (memory
layout); it warms them up, then times them in turn, in an order drawn for every pair. The interval on
the ratio resamples rounds, and blocks of neighbouring pairs within them, so that it covers what
changes between sessions and what drifts within one.
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from onnxruntime import InferenceSession

from exporters.errors import ExportError
from exporters.paired_ratio import ratio_interval
from exporters.session import open_session, run_logits

Verdict = Literal["faster", "slower", "no difference"]

FEWEST_ROUNDS = 4
FEWEST_PAIRS = 3  # per round
NOISY_ABOVE = 0.1
# A file timed against itself gave intervals such as 0.990 to 0.999, once in a dozen: a smaller
# difference than this is none, however sure the interval is.
RESOLUTION = 0.01
_STABLE_WITHIN = 0.05
_WARMUP_WINDOW = 5
# With n samples, none lies above the quantile q with probability q^n: about 0.1 % at these n.
_FEWEST_FOR_P90 = 64
_FEWEST_FOR_P99 = 662


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

    rounds: int = 10
    min_pairs: int = 64
    min_seconds: float = 2.5
    max_seconds: float = 6.0
    warmup_seconds: float = 0.1
    seed: int = 0


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
        images_per_second: throughput over all timed calls.
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
        batch_size: images in a call.
        threads: of onnxruntime.
        rounds: times that both files were opened.
        original: timing of the original.
        candidate: timing of the candidate.
        ratio: median over the pairs of original / candidate; above 1 the candidate is faster.
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
    input_shape: tuple[int, int, int],
    batch_size: int,
    threads: int,
    settings: LatencySettings,
) -> LatencyComparison:
    """Time two ONNX files in turn, on the CPU.

    Args:
        original: the file to compare with.
        candidate: the file that should be faster.
        input_shape: (C, H, W) of one image, in pixels.
        batch_size: images in a call.
        threads: of onnxruntime, the same for both.
        settings: how long, and the seed.

    Raises:
        OnnxFileError: a file cannot be opened.
        ExportError: a file does not take such images.
    """
    if batch_size < 1:
        raise ExportError(f"expected a batch of at least 1 image, got {batch_size}")
    random = np.random.default_rng(settings.seed)
    images = random.standard_normal((batch_size, *input_shape), dtype=np.float32)
    rounds: list[np.ndarray] = []
    start = time.perf_counter()
    while len(rounds) < max(settings.rounds, FEWEST_ROUNDS):
        if len(rounds) >= FEWEST_ROUNDS and time.perf_counter() - start > settings.max_seconds:
            break
        sessions = _open_both(original, candidate, threads=threads, random=random)
        _warm_up(sessions, images, seconds=settings.warmup_seconds)
        rounds.append(_time_pairs(sessions, images, settings=settings, random=random))
    return _summarise(rounds, batch_size=batch_size, threads=threads, seed=settings.seed)


Sessions = tuple[InferenceSession, InferenceSession]


def _open_both(original: Path, candidate: Path, *, threads: int, random: np.random.Generator) -> Sessions:
    """Open both, in random order: the second may get the worse memory."""
    if random.random() < 0.5:
        first = open_session(original, threads=threads)
        return first, open_session(candidate, threads=threads)
    second = open_session(candidate, threads=threads)
    return open_session(original, threads=threads), second


def _warm_up(sessions: Sessions, images: np.ndarray, *, seconds: float) -> None:
    """Run both until two windows in a row have the same medians, or the time is over."""
    for session in sessions:
        run_logits(session, images)  # checks the shape, too
    end = time.perf_counter() + seconds
    previous = np.full(2, np.inf)
    while time.perf_counter() < end:
        window = [[_milliseconds(session, images) for session in sessions] for _ in range(_WARMUP_WINDOW)]
        medians = np.median(window, axis=0)
        if (np.abs(medians - previous) <= _STABLE_WITHIN * medians).all():
            return
        previous = medians


def _time_pairs(
    sessions: Sessions, images: np.ndarray, *, settings: LatencySettings, random: np.random.Generator
) -> np.ndarray:
    """Milliseconds [pairs, 2] of the original and the candidate, in turn."""
    original, candidate = sessions
    wanted = -(-settings.min_pairs // settings.rounds)
    pairs: list[tuple[float, float]] = []
    with _no_garbage_collection():
        start = time.perf_counter()
        while True:
            seconds = (time.perf_counter() - start) * settings.rounds
            enough = seconds >= settings.min_seconds and len(pairs) >= wanted
            if len(pairs) >= FEWEST_PAIRS and (enough or seconds >= settings.max_seconds):
                return np.array(pairs)
            if random.random() < 0.5:
                first = _milliseconds(original, images)
                pairs.append((first, _milliseconds(candidate, images)))
            else:
                first = _milliseconds(candidate, images)
                pairs.append((_milliseconds(original, images), first))


def _milliseconds(session: InferenceSession, images: np.ndarray) -> float:
    feed = {session.get_inputs()[0].name: images}
    start = time.perf_counter_ns()
    session.run(None, feed)
    return (time.perf_counter_ns() - start) / 1e6


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _summarise(rounds: list[np.ndarray], *, batch_size: int, threads: int, seed: int) -> LatencyComparison:
    interval = ratio_interval(rounds, seed=seed)
    original, candidate = (
        summarise_timing([pairs[:, column] for pairs in rounds], batch_size=batch_size, seed=seed) for column in (0, 1)
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
        pinned=False,
        noisy=max(original.coefficient_of_variation, candidate.coefficient_of_variation) > NOISY_ABOVE,
    )


def summarise_timing(rounds: list[np.ndarray], *, batch_size: int, seed: int) -> Timing:  # noqa: ARG001
    """Percentiles of the rounds' milliseconds, each only where their number allows it."""
    milliseconds = np.concatenate(rounds)
    count = len(milliseconds)
    p50, p90, p99 = (float(value) for value in np.percentile(milliseconds, (50, 90, 99)))
    medians = np.array([np.median(part) for part in rounds])
    return Timing(
        samples=count,
        p50_ms=p50,
        p50_low_ms=float(medians.min()),
        p50_high_ms=float(medians.max()),
        p90_ms=p90 if count >= _FEWEST_FOR_P90 else None,
        p99_ms=p99 if count >= _FEWEST_FOR_P99 else None,
        images_per_second=batch_size * count / (milliseconds.sum() / 1e3),
        coefficient_of_variation=float(medians.std(ddof=1) / medians.mean()) if len(rounds) > 1 else 0.0,
        sample_ms=tuple(float(value) for value in milliseconds[:: -(-count // 200)]),
    )
