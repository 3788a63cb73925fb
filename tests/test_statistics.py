import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from compress.statistics import PairedCounts, mcnemar, paired_counts, paired_drop, wilson

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def tango(counts: PairedCounts) -> tuple[float, float]:
    """Tango's (1998) score interval for a paired difference, by inverting his test numerically."""
    _, b, c, _ = counts
    n = sum(counts)

    def score(difference: float) -> float:
        linear = -b - c + (2 * n - b + c) * difference
        constant = -c * difference * (1 - difference)
        q21 = (math.sqrt(linear**2 - 8 * n * constant) - linear) / (4 * n)
        return (b - c - n * difference) / math.sqrt(n * (2 * q21 + difference * (1 - difference)))

    def crossing(value: float, *between: float) -> float:
        return brentq(lambda difference: score(difference) - value, *between)

    middle = (b - c) / n  # not itself: 0 / 0 where b and c are 0
    return crossing(Z_95, -1 + 1e-9, middle - 1e-9), crossing(-Z_95, middle + 1e-9, 1 - 1e-9)


def test_wilson_published_examples_and_the_ends():
    """Newcombe 1998, Statistics in Medicine 17:857, method 3."""
    for hits, images, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson(hits, images) == pytest.approx((low, high), abs=5e-5)
    assert (wilson(0, 100).low, wilson(100, 100).high) == (0, 1)
    for no_proportion in ((0, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="expected 0 <= hits <= images"):
            wilson(*no_proportion)
    assert wilson(0, 100).high == pytest.approx(Z_95**2 / (100 + Z_95**2))


@given(st.integers(2, 5000).flatmap(lambda images: st.tuples(st.integers(1, images - 1), st.just(images))))
def test_wilson_inverts_the_score_test(case):
    hits, images = case
    for end, z in zip(wilson(hits, images), (Z_95, -Z_95), strict=True):
        assert (hits / images - end) / math.sqrt(end * (1 - end) / images) == pytest.approx(z, rel=1e-6)


def test_paired_counts_by_hand():
    a, b = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    assert paired_counts(a, b) == PairedCounts(both=1, only_a=2, only_b=1, neither=1)
    with pytest.raises(ValueError, match="same images"):
        paired_counts(a, b[:3])


def test_newcombe_published_example():
    """Newcombe 1998, Statistics in Medicine 17:2635, method 10, the table 36, 12, 2, 0."""
    assert paired_drop(PairedCounts(36, 12, 2, 0)) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@given(st.integers(2000, 4000), st.integers(0, 300), st.integers(0, 300), st.integers(100, 800))
def test_newcombe_agrees_with_tangos_score_interval_on_test_sets(both, only_a, only_b, neither):
    counts = PairedCounts(both, only_a, only_b, neither)
    assert paired_drop(counts) == pytest.approx(tango(counts), abs=0.0025)


@given(*[st.integers(0, 50)] * 4)
def test_paired_drop_holds_the_estimate_and_mirrors(both, only_a, only_b, neither):
    counts = PairedCounts(both, only_a, only_b, neither)
    if not sum(counts):
        with pytest.raises(ValueError, match="at least 1 image"):
            paired_drop(counts)
        return
    low, high = paired_drop(counts)
    estimate = (only_a - only_b) / sum(counts)
    assert -1 - 1e-12 <= low <= estimate <= high <= 1 + 1e-12
    mirrored = paired_drop(PairedCounts(both, only_b, only_a, neither))
    assert mirrored == pytest.approx((-high, -low), abs=1e-12)


def test_the_paired_interval_is_narrower_than_that_of_strangers():
    """4,000 images, networks that agree on most: pairing is what makes a drop of 1 point visible."""
    counts = PairedCounts(3400, 100, 60, 440)
    paired_low, paired_high = paired_drop(counts)
    a, b = wilson(3500, 4000), wilson(3460, 4000)
    assert paired_low > 0
    assert paired_high - paired_low < 0.5 * math.hypot(a.high - a.low, b.high - b.low)


def test_coverage_on_simulated_test_sets():
    random = np.random.default_rng(0)
    truth = [0.80, 0.06, 0.05, 0.09]
    tables = random.multinomial(1000, truth, size=2000)
    inside = [low <= 0.01 <= high for low, high in (paired_drop(PairedCounts(*map(int, row))) for row in tables)]
    assert 0.935 <= np.mean(inside) <= 0.975


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 * (1/2)
        (5, 0, 0.0625),  # 2 / 2^5
        (6, 0, 0.03125),  # 2 / 2^6: the smallest table that shows anything
        (6, 1, 0.125),  # 2 * (1 + 7) / 2^7
        (1, 6, 0.125),
        (8, 2, 0.109375),  # 2 * (1 + 10 + 45) / 2^10
        (4, 4, 1.0),  # the two tails overlap
    ],
)
def test_mcnemar_by_hand(only_a, only_b, p):
    assert mcnemar(PairedCounts(50, only_a, only_b, 3)) == p


def test_mcnemar_of_a_published_example_and_of_large_test_sets():
    """Fagerland, Lydersen and Laake 2013, table 1: 1 against 7 of 21 patients, exact conditional p = 0.070."""
    assert mcnemar(PairedCounts(1, 1, 7, 12)) == pytest.approx(0.070, abs=5e-4)
    assert mcnemar(PairedCounts(0, 10_000, 0, 0)) == 0.0  # smaller than any float
    assert 0.3 < mcnemar(PairedCounts(0, 25_000, 25_200, 0)) < 0.4
