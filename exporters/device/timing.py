"""Time a kit's files against each other, as they were timed where the kit was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from exporters.device.kit_files import Kit, KitFile
from exporters.device.providers import start_on
from exporters.measure.latency import LatencySettings, compare_calls
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.timed_call import Call, first_call
from exporters.read.signature import shared_batch


@dataclass(frozen=True)
class PairTiming:
    """Two files timed against each other, by their labels."""

    original: str
    candidate: str
    comparison: LatencyComparison


@dataclass(frozen=True)
class Opener:
    """Opens one file of the kit as often as wanted, always for the same random images."""

    file: KitFile
    data: bytes
    images: np.ndarray

    def open(self, *, threads: int, provider: str) -> Call:
        """A fresh session that has run once."""
        session = start_on(provider, self.data, threads=threads, source=self.file.file)
        return first_call(session, self.file.signature, self.images, source=self.file.file)


def opener_of(kit: Kit, file: KitFile, *, batch_size: int, seed: int) -> Opener:
    """The file's bytes and random images of its shape and type; CallError if it does not take this batch size."""
    random = np.random.default_rng(seed)
    images = file.signature.random_images(random, batch_size=batch_size, image_size=file.image_size)
    return Opener(file, kit.read(file), images)


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
        partial(
            opener_of(kit, kit.file(label), batch_size=batch_size, seed=settings.seed).open,
            threads=threads,
            provider=provider,
        )
        for label in pair
    ]
    comparison = compare_calls(openers, batch_size=batch_size, threads=threads, settings=settings)
    return PairTiming(*pair, comparison)
