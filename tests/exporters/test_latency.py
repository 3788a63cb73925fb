"""Timings depend on the machine: the fast tests look at what does not, the slow ones at the verdict."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters.errors import ExportError, OnnxFileError
from exporters.latency import LatencyComparison, LatencySettings, Timing, compare_latency, summarise_timing
from exporters.onnx_export import export_onnx
from tests.exporters.networks import SHAPE, plain

QUICK = LatencySettings(rounds=4, min_pairs=20, min_seconds=0.0, max_seconds=0.5, warmup_seconds=0.01)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("onnx")
    return {
        width: export_onnx(plain(width=width), folder / f"{width}.onnx", input_shape=SHAPE, opset=18, metadata={}).path
        for width in (8, 16, 64)
    }


def compare(original: Path, candidate: Path, settings: LatencySettings = QUICK, **changes) -> LatencyComparison:
    options = {"input_shape": SHAPE, "batch_size": 2, "threads": 1} | changes
    return compare_latency(original, candidate, settings=settings, **options)


def test_a_comparison_says_what_it_measured(files):
    result = compare(files[8], files[16], threads=2, batch_size=3)
    assert (result.batch_size, result.threads, result.rounds) == (3, 2, 4)
    assert result.original.samples == result.candidate.samples >= 20
    assert 0 < result.ratio_low <= result.ratio_high
    assert result.noisy == (result.coefficient_of_variation > 0.1)
    assert gc.isenabled()


def test_the_time_limit_holds_for_slow_networks(files):
    hurried = replace(QUICK, rounds=50, min_pairs=10**6, max_seconds=0.2)
    result = compare(files[8], files[8], hurried)
    assert 4 <= result.rounds <= 50
    assert result.original.samples >= 3 * result.rounds
    assert result.original.samples < 10**6


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.02, 1.2, "faster"),
        (0.8, 0.98, "slower"),
        (0.9, 1.1, "no difference"),
        (1.005, 1.3, "no difference"),
        (0.990, 0.999, "no difference"),
    ],
)
def test_the_verdict_is_that_of_the_whole_interval(low, high, verdict):
    timing = Timing(samples=1, p50_ms=1.0, p90_ms=None, p99_ms=None)
    result = LatencyComparison(
        batch_size=1,
        threads=1,
        rounds=1,
        original=timing,
        candidate=timing,
        ratio=(low + high) / 2,
        ratio_low=low,
        ratio_high=high,
        coefficient_of_variation=0.0,
        noisy=False,
    )
    assert result.verdict == verdict


@pytest.mark.parametrize(("count", "p90", "p99"), [(63, False, False), (64, True, False), (662, True, True)])
def test_percentiles_only_where_the_sample_allows(count, p90, p99):
    timing = summarise_timing(np.arange(count, dtype=float))
    assert timing.samples == count
    assert timing.p50_ms == (count - 1) / 2
    assert (timing.p90_ms is not None, timing.p99_ms is not None) == (p90, p99)
    if p99:
        assert timing.p99_ms == pytest.approx(0.99 * (count - 1))


def test_wrong_requests_are_errors(files, tmp_path):
    with pytest.raises(ExportError, match="at least 1 image, got 0"):
        compare(files[8], files[8], batch_size=0)
    with pytest.raises(ExportError, match="shape"):
        compare(files[8], files[8], input_shape=(1, 16, 16))
    with pytest.raises(OnnxFileError, match="cannot read"):
        compare(files[8], tmp_path / "none.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_against_itself_shows_no_difference(files, threads):
    """A 95 % interval may miss 1 now and then, by less than the verdict's resolution."""
    results = [compare(files[64], files[64], LatencySettings(seed=seed), threads=threads) for seed in range(3)]
    assert sum(result.ratio_low <= 1 <= result.ratio_high for result in results) >= 2
    assert {result.verdict for result in results} == {"no difference"}


@pytest.mark.slow
def test_a_larger_network_is_found_slower_and_the_other_way_round(files):
    slower = compare(files[8], files[64], LatencySettings())
    faster = compare(files[64], files[8], LatencySettings())
    assert (slower.verdict, faster.verdict) == ("slower", "faster")
    assert slower.ratio == pytest.approx(1 / faster.ratio, rel=0.25)
