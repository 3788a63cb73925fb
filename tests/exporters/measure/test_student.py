import math

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit
from scipy.stats import t

from exporters.measure.latency_results import expanded_tail, median_interval
from exporters.measure.student import student_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 15, 16, 99, 1000])
@pytest.mark.parametrize("share", [0.6, 0.975, 0.9999])
def test_the_quantile_is_scipy_s(share, degrees):
    assert student_quantile(share, degrees) == pytest.approx(t.ppf(share, degrees), rel=1e-11)


def test_one_and_two_degrees_have_quantiles_in_closed_form():
    """The Cauchy distribution, and (2p - 1) sqrt(2 / (1 - (2p - 1)^2))."""
    assert student_quantile(0.75, 1) == pytest.approx(1.0, rel=1e-15)
    assert student_quantile(0.975, 2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-14)
    assert student_quantile(0.5, 7) == pytest.approx(0.0, abs=1e-15)


def test_intervals_are_those_of_scipy_s_tail_to_the_last_bits(monkeypatch):
    """With which earlier reports were made: 40 sets of timings, 4 to 23 rounds."""

    def with_scipy(rounds):
        return float(ndtr(stdtrit(rounds - 1, 0.025) * (rounds / (rounds - 1)) ** 0.5))

    random = np.random.default_rng(0)
    sets = [[random.lognormal(0.0, 0.1, int(random.integers(3, 60))) for _ in range(4 + n // 2)] for n in range(40)]
    ours = [median_interval(rounds, seed=5) for rounds in sets]
    assert expanded_tail(16) == pytest.approx(with_scipy(16), rel=1e-13)
    monkeypatch.setattr("exporters.measure.latency_results.expanded_tail", with_scipy)
    assert np.allclose(ours, [median_interval(rounds, seed=5) for rounds in sets], rtol=1e-15, atol=0)
