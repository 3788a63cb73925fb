"""Time a kit's files against each other, as they were timed where the kit was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from exporters.device.kit_files import Kit, KitFile
from exporters.measure.latency import LatencySettings, compare_calls
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.timed_call import Call, first_call
from exporters.read.session import session_options, start_session
from exporters.read.signature import shared_batch


@dataclass(frozen=True)
class PairTiming:
    """Two files timed against each other, by their labels."""

    original: str
    candidate: str
    comparison: LatencyComparison


def _opener(kit: Kit, file: KitFile, *, batch_size: int, threads: int, provider: str, seed: int) -> Callable[[], Call]:
    """Opens the file as often as wanted, always for the same images; CallError if it does not take so many."""
    random = np.random.default_rng(seed)
    images = file.signature.random_images(random, batch_size=batch_size, image_size=file.image_size)
    data, options = kit.read(file), session_options(threads=threads)

    def start() -> Call:
        session = start_session(data, options, path=file.file, provider=provider)
        return first_call(session, file.signature, images, source=file.file)

    return start


def batch_sizes_of(kit: Kit, pair: tuple[str, str], asked: Sequence[int]) -> list[int]:
    """Those asked for that both files take, or else the one that both are fixed to; none if they differ."""
    signatures = [kit.file(label).signature for label in pair]
    taken = [size for size in asked if all(one.batch in (None, size) for one in signatures)]
    shared = shared_batch(*signatures)
    return taken or ([] if shared is None else [shared])


def time_pair(
    kit: Kit, pair: tuple[str, str], *, batch_size: int, threads: int, provider: str, settings: LatencySettings
) -> PairTiming:
    """Time two files, given by their labels."""
    openers = [
        _opener(kit, kit.file(label), batch_size=batch_size, threads=threads, provider=provider, seed=settings.seed)
        for label in pair
    ]
    comparison = compare_calls(openers, batch_size=batch_size, threads=threads, settings=settings)
    return PairTiming(*pair, comparison)
