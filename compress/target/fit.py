"""Fit a latency model to times of layers in many widths.

A layer's time is ``c0 + c1 i + c2 o + c3 i o`` in its inputs and outputs, each rounded up to a block, with coefficients
of at least 0. Layers of a kind, such as 3 x 3 convolutions, run in the same kernel of the runtime: they have the same
blocks, those with the smallest mean error on samples left out of the fit.

Axes: N samples, L layers, G groups, K terms.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from scipy.optimize import nnls

BLOCKS: Final = (4, 8, 16, 32, 64)
"""Channels that a runtime may handle at a time."""

_FOLDS: Final = 4
_CLEARLY_BETTER: Final = 0.97  # of the error with finer blocks, for coarser ones to be taken


@dataclass(frozen=True)
class LatencyFit:
    """Coefficients (c0, c1, c2, c3) and blocks (inputs, outputs) of each layer; the rest by counts, last a constant."""

    coefficients_L4: np.ndarray
    blocks_L2: np.ndarray
    rest_G: np.ndarray


@dataclass(frozen=True)
class LayerSamples:
    """What the model is fitted to; times are in milliseconds, and a layer without any is free.

    ``rest_N`` is the time outside of the layers; ``kinds`` say which layers share their blocks.
    """

    inputs_NL: np.ndarray
    outputs_NL: np.ndarray
    counts_NG: np.ndarray
    times_NL: np.ndarray
    rest_N: np.ndarray
    kinds: Sequence[Hashable]

    def chosen(self, chosen_N: np.ndarray) -> "LayerSamples":
        """Some of the samples."""
        arrays = {name: part[chosen_N] for name, part in vars(self).items() if name != "kinds"}
        return LayerSamples(**arrays, kinds=self.kinds)

    def layer(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, outputs and times of one layer."""
        return self.inputs_NL[:, place], self.outputs_NL[:, place], self.times_NL[:, place]


def fit_latency(samples: LayerSamples) -> LatencyFit:
    """Fit the layers, and what is outside of them in proportion to the groups' kept counts."""
    layers = range(len(samples.kinds))
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for place in layers:
        inputs_N, outputs_N, times_N = samples.layer(place)
        if times_N.any():
            alike[(samples.kinds[place], len(np.unique(inputs_N)) > 1, len(np.unique(outputs_N)) > 1)].append(place)
    blocks = {
        place: chosen for kind, places in alike.items() for chosen in [_blocks(samples, places)] for place in places
    }
    fits = [np.zeros(4)] * len(layers)
    for place, chosen in blocks.items():
        inputs_N, outputs_N, times_N = samples.layer(place)
        fits[place] = _non_negative(_terms(inputs_N, outputs_N, chosen), times_N)
    with_ones = np.column_stack([samples.counts_NG, np.ones(len(samples.counts_NG))])
    return LatencyFit(
        coefficients_L4=np.array(fits).reshape(-1, 4),
        blocks_L2=np.array([blocks.get(place, (1, 1)) for place in layers], dtype=np.int64).reshape(-1, 2),
        rest_G=_non_negative(with_ones, samples.rest_N),
    )


def _blocks(samples: LayerSamples, places: Sequence[int]) -> tuple[int, int]:
    """The blocks of layers of one kind; of inputs or outputs that never change, 1."""
    first_inputs_N, first_outputs_N, _times_N = samples.layer(places[0])
    inputs, outputs = (BLOCKS if len(np.unique(side)) > 1 else (1,) for side in (first_inputs_N, first_outputs_N))
    best: tuple[float, tuple[int, int]] | None = None
    for blocks in sorted(product(inputs, outputs), key=lambda pair: pair[0] * pair[1]):
        layers = [samples.layer(place) for place in places]
        errors = [_held_out_error(_terms(read_N, made_N, blocks), times_N) for read_N, made_N, times_N in layers]
        if best is None or np.mean(errors) < _CLEARLY_BETTER * best[0]:
            best = (float(np.mean(errors)), blocks)
    assert best is not None
    return best[1]


def _terms(inputs_N: np.ndarray, outputs_N: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    """The terms (N, 4) that a layer's time is a sum of."""
    read, made = (
        np.ceil(side / block - 1e-6) * block for side, block in zip((inputs_N, outputs_N), blocks, strict=True)
    )
    return np.column_stack([np.ones(len(read)), read, made, read * made])


def _held_out_error(terms_NK: np.ndarray, times_N: np.ndarray) -> float:
    """The mean relative error on samples that are left out, a quarter at a time."""
    fold_N = np.arange(len(times_N)) % _FOLDS
    errors = []
    for fold in range(_FOLDS):
        left_out = fold_N == fold
        predicted = terms_NK[left_out] @ _non_negative(terms_NK[~left_out], times_N[~left_out])
        errors.append(np.abs(predicted - times_N[left_out]) / _at_least_small(times_N)[left_out])
    return float(np.concatenate(errors).mean())


def _non_negative(terms_NK: np.ndarray, times_N: np.ndarray) -> np.ndarray:
    """Coefficients (K,) of at least 0 with the least sum of squared relative errors."""
    weight_N1 = 1 / _at_least_small(times_N)[:, None]
    scale_K = np.abs(terms_NK).max(axis=0)
    scale_K[scale_K == 0] = 1.0
    found, _norm = nnls(terms_NK / scale_K * weight_N1, times_N * weight_N1[:, 0])
    return np.asarray(found / scale_K)


def _at_least_small(times_N: np.ndarray) -> np.ndarray:
    """Times to divide by: none is smaller than a hundredth of the mean."""
    return np.maximum(times_N, max(float(times_N.mean()) / 100, 1e-9))
