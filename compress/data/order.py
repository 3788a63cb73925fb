"""Random numbers, shuffles and held-out images as pure functions of (seed, epoch, index): no state to save.

The counter-based generator is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014): a key is folded into the starting state, number ``i`` of its stream is
``mix(state + (i + 1) * golden)``. It is integer arithmetic only: the same on every machine.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.data.bundle import Order

VALIDATION = 0.1  # share of the training images of every class that is held out for validation
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_SHUFFLE, _HOLDOUT, _TORCH = 0x5348, 0x484F, 0x544F  # streams of this module; augmentation has its own


def random_bits(key: Sequence[int], indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Uniform 64-bit numbers, one for each index; ``key`` names the stream, such as (seed, epoch, purpose)."""
    state = np.zeros(1, np.uint64)
    for part in key:
        state = _mix(state + np.uint64((part + _GOLDEN) & _MASK))
    return _mix(state + (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def random_integers(key: Sequence[int], indices: NDArray[np.int64], *, low: int, high: int) -> NDArray[np.int64]:
    """Uniform integers in [low, high], one for each index (bias below (high - low + 1) / 2**32)."""
    top = random_bits(key, indices) >> np.uint64(32)
    return ((top * np.uint64(high - low + 1)) >> np.uint64(32)).astype(np.int64) + low


def random_uniforms(key: Sequence[int], indices: NDArray[np.int64], *, count: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), ``count`` for each index: float64 [N, count]."""
    columns = [random_bits((*key, column), indices) >> np.uint64(11) for column in range(count)]
    return np.stack(columns, axis=1) * 2.0**-53


def plan_batches(order: Order | None, *, size: int, batch_size: int) -> list[NDArray[np.int64]]:
    """The indices of every batch of one pass over ``size`` images (see ``Split.batches``)."""
    if order is None:
        return [np.arange(start, min(start + batch_size, size)) for start in range(0, size, batch_size)]
    shuffled = np.argsort(random_bits((order.seed, order.epoch, _SHUFFLE), np.arange(size)), kind="stable")
    starts = range(0, epoch_steps(size, batch_size) * batch_size, batch_size)
    return [shuffled[start : start + batch_size] for start in starts]


def epoch_seed(order: Order) -> int:
    """A seed for torch's random generator in one epoch (dropout), below 2**63."""
    return int(random_bits((order.seed, order.epoch, _TORCH), np.zeros(1, np.int64))[0] >> np.uint64(1))


def epoch_steps(size: int, batch_size: int) -> int:
    """The number of batches with an ``Order``."""
    return size // batch_size + (size % batch_size >= 2)


def stratified_holdout(labels: Tensor, *, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out ``fraction`` of every class: at least one image, at most all but one; ``seed`` decides which.

    Returns the indices (int64, ascending) of the images that are kept, and of those held out.
    """
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        members = torch.nonzero(labels == label).flatten()
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        bits = random_bits((seed, _HOLDOUT), members.numpy())
        held[members[np.argsort(bits, kind="stable")[:count]]] = True
    return torch.nonzero(~held).flatten(), torch.nonzero(held).flatten()
