from statistics import NormalDist

import numpy as np
import pytest

from exporters.measure.latency_results import expanded_tail, median_interval, ratio_interval


def simulated_rounds(
    random: np.random.Generator, *, rounds: int = 6, pairs: int = 16, speedup: float = 1.0
) -> list[np.ndarray]:
    """Timings with a shared drift, effects of single sessions, and a long tail."""
    result = []
    for _ in range(rounds):
        drift = np.exp(np.cumsum(random.normal(0, 0.01, (pairs, 1)), axis=0))
        session = np.exp(random.normal(0, 0.005, 2))
        tail = random.exponential(0.05, (pairs, 2)) + (random.random((pairs, 2)) < 0.05) * 3
        result.append(drift * session * (1 + tail) * [speedup, 1])
    return result


def test_the_ratio_is_the_median_over_pairs():
    rounds = [np.array([[4.0, 2.0], [6.0, 2.0]]), np.array([[8.0, 1.0]])]
    assert ratio_interval(rounds, seed=0).ratio == pytest.approx(3)


def test_load_that_both_meet_cancels_and_constant_timings_have_no_width():
    load = np.where(np.random.default_rng(0).random((4, 30, 1)) < 0.5, 1.0, 2.0)
    for rounds in (list(load * [3.0, 2.0]), [np.tile([3.0, 2.0], (5, 1))] * 4):
        interval = ratio_interval(rounds, seed=0)
        assert (interval.low, interval.ratio, interval.high) == pytest.approx((1.5, 1.5, 1.5))


def test_same_seed_same_interval_and_swapping_inverts_it():
    rounds = simulated_rounds(np.random.default_rng(0), speedup=1.5)
    interval = ratio_interval(rounds, seed=3)
    assert interval == ratio_interval(rounds, seed=3)
    swapped = ratio_interval([pairs[:, ::-1] for pairs in rounds], seed=3)
    assert (swapped.low, swapped.high) == pytest.approx((1 / interval.high, 1 / interval.low), rel=1e-3)


def test_a_true_speed_up_is_inside_and_apart_from_1():
    interval = ratio_interval(simulated_rounds(np.random.default_rng(1), speedup=1.5), seed=0)
    assert 1 < interval.low < 1.5 < interval.high < 2


def test_differences_between_sessions_widen_the_interval():
    steady = [np.array([[1.0, 1.0]] * 20)] * 6
    moving = [pairs * [1 + 0.02 * number, 1.05] for number, pairs in enumerate(steady)]
    interval = ratio_interval(moving, seed=0)
    assert interval.high - interval.low > 0.02


def test_the_interval_covers_the_truth_at_least_as_often_as_it_says():
    random = np.random.default_rng(2)
    intervals = [ratio_interval(simulated_rounds(random), seed=number) for number in range(30)]
    assert np.mean([interval.low <= 1 <= interval.high for interval in intervals]) >= 0.9


@pytest.mark.parametrize(
    ("rounds", "quantile"), [(4, 3.18245), (5, 2.77645), (10, 2.26216), (16, 2.13145), (200, 1.97196)]
)
def test_quantiles_are_further_out_with_few_rounds(rounds, quantile):
    """Against Student's quantiles from a table: a bootstrap of n has a standard error sqrt((n - 1) / n) too small."""
    expected = NormalDist().cdf(-quantile * (rounds / (rounds - 1)) ** 0.5)
    assert expanded_tail(rounds) == pytest.approx(expected, rel=1e-4)
    assert expanded_tail(rounds) < 0.025


def test_the_interval_of_a_median_covers_it():
    random = np.random.default_rng(3)
    intervals = [median_interval(list(random.exponential(1.0, (8, 30)) + 5), seed=number) for number in range(12)]
    assert sum(low <= 5 + np.log(2) <= high for low, high in intervals) >= 10


def test_the_interval_of_constants_has_no_width_and_that_of_unlike_rounds_spans_them():
    assert median_interval([np.full(9, 3.0)] * 4, seed=0) == (3.0, 3.0)
    assert median_interval([np.full(9, 1.0), np.full(9, 2.0)] * 2, seed=0) == (1.0, 2.0)
    # Of 750 values each, 333 resamples are drawn at once; the last one stands alone and lacks some of the rounds.
    assert median_interval([np.full(750, 3.0)] * 4, seed=0) == (3.0, 3.0)
