"""Fits to times that were made from known coefficients."""

from dataclasses import replace

import numpy as np
import pytest

from compress.target.fit import LayerSamples, fit_latency

COEFFICIENTS = np.array([[0.2, 0.0, 0.01, 0.002], [0.05, 0.004, 0.0, 0.0003], [0.3, 0.0, 0.0, 0.0]])
BLOCKS = np.array([[4, 16], [16, 8], [1, 1]])
REST = np.array([0.01, 0.002, 0.4])


def samples(count: int, *, noise: float = 0.0, seed: int = 0) -> LayerSamples:
    """Two groups of up to 128 and 96 units, in steps of 4: channels of three layers, counts, and times."""
    random = np.random.default_rng(seed)
    counts = 4 * np.column_stack([random.integers(3, 33, count), random.integers(3, 25, count)])
    inputs = np.column_stack([np.full(count, 3), counts[:, 0], np.full(count, 9)])
    outputs = np.column_stack([counts[:, 0], counts[:, 1], np.full(count, 10)])
    times = by_hand(inputs, outputs) * random.normal(1.0, noise, (count, 3))
    return LayerSamples(inputs, outputs, counts, times, counts @ REST[:2] + REST[2], kinds=("first", "second", "head"))


def by_hand(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    read, made = (-(-side // block) * block for side, block in zip((inputs, outputs), BLOCKS.T, strict=True))
    c0, c1, c2, c3 = COEFFICIENTS.T
    return c0 + c1 * read + c2 * made + c3 * read * made


def predicted(fit, samples: LayerSamples) -> np.ndarray:
    sides = (samples.inputs_NL, samples.outputs_NL)
    read, made = (-(-side // block) * block for side, block in zip(sides, fit.blocks_L2.T, strict=True))
    c0, c1, c2, c3 = fit.coefficients_L4.T
    return c0 + c1 * read + c2 * made + c3 * read * made


def test_exact_times_are_met_and_the_blocks_are_found():
    fit, others = fit_latency(samples(48)), samples(40, seed=1)
    assert predicted(fit, others) == pytest.approx(others.times_NL, rel=1e-6)
    assert fit.blocks_L2.tolist() == [[1, 16], [16, 8], [1, 1]]
    assert others.counts_NG @ fit.rest_G[:2] + fit.rest_G[2] == pytest.approx(others.rest_N, rel=1e-6)


def test_noise_of_three_percent_leaves_totals_within_two_percent():
    fit, others = fit_latency(samples(48, noise=0.03)), samples(40, seed=1)
    error = np.abs(predicted(fit, others).sum(1) / others.times_NL.sum(1) - 1)
    assert error.max() < 0.02
    assert fit.blocks_L2[1].tolist() == [16, 8]
    assert (fit.coefficients_L4 >= 0).all()
    assert (fit.rest_G >= 0).all()


def test_a_layer_without_times_is_free_and_one_of_fixed_width_is_constant():
    some = samples(20)
    some.times_NL[:, 1] = 0.0
    fit = fit_latency(some)
    assert fit.coefficients_L4[1].tolist() == [0.0] * 4
    assert predicted(fit, some)[:, 2] == pytest.approx(0.3)


def test_layers_of_a_kind_have_the_same_blocks_however_noisy_one_is():
    clean, random = samples(48), np.random.default_rng(5)
    noisy = clean.times_NL[:, 1] * random.normal(1.0, 0.3, 48)
    both = replace(
        clean,
        inputs_NL=np.column_stack([clean.inputs_NL[:, 1]] * 2),
        outputs_NL=np.column_stack([clean.outputs_NL[:, 1]] * 2),
        times_NL=np.column_stack([clean.times_NL[:, 1], noisy]),
        kinds=("3x3", "3x3"),
    )
    assert fit_latency(both).blocks_L2.tolist() == [[16, 8], [16, 8]]
