import numpy as np
import pytest

from exporters.measure.latency_results import summarise_timing


@pytest.mark.parametrize(("count", "p90", "p99"), [(63, False, False), (64, True, False), (662, True, True)])
def test_percentiles_only_where_the_sample_allows(count, p90, p99):
    milliseconds = np.arange(count, dtype=float)
    timing = summarise_timing([milliseconds[:20], milliseconds[20:]], batch_size=1, seed=0)
    assert timing.samples == count
    assert timing.p50_ms == (count - 1) / 2
    assert (timing.p90_ms is not None, timing.p99_ms is not None) == (p90, p99)
    if p99:
        assert timing.p99_ms == pytest.approx(0.99 * (count - 1))


def test_variation_is_between_rounds_and_throughput_follows_from_the_median():
    timing = summarise_timing([np.full(3, 1.0), np.full(5, 3.0)], batch_size=4, seed=0)
    assert timing.coefficient_of_variation == pytest.approx(np.sqrt(2) / 2)  # of medians 1 and 3
    assert (timing.p50_low_ms, timing.p50_ms, timing.p50_high_ms) == (1.0, 3.0, 3.0)
    timing = summarise_timing([np.array([0.2, 0.2, 3.0]), np.array([0.2, 4.0])], batch_size=8, seed=0)
    assert timing.p50_ms == 0.2
    assert timing.images_per_second == pytest.approx(40_000)  # a few long calls do not count


def test_the_median_s_interval_holds_it_and_the_seed_decides_it():
    random = np.random.default_rng(0)
    rounds = [random.exponential(0.2, 40) + level for level in (1.0, 1.02, 1.05, 1.01)]
    timing = summarise_timing(rounds, batch_size=1, seed=5)
    assert 1 < timing.p50_low_ms < timing.p50_ms < timing.p50_high_ms < 1.4
    assert timing == summarise_timing(rounds, batch_size=1, seed=5)
    assert timing != summarise_timing(rounds, batch_size=1, seed=6)


@pytest.mark.parametrize(("count", "shown"), [(100, 100), (200, 200), (201, 101), (1000, 200)])
def test_at_most_200_calls_are_shown_in_order(count, shown):
    timing = summarise_timing([np.arange(50.0), np.arange(50.0, count)], batch_size=1, seed=0)
    assert len(timing.sample_ms) == shown
    assert timing.sample_ms[0] == 0
    assert list(timing.sample_ms) == sorted(timing.sample_ms)
