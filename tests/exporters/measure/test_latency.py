"""Timings depend on the machine: the tests check what does not; ``benchmarks/latency_method.py`` measures the rest."""

import gc
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters.errors import ExportError, FileError
from exporters.measure.calls import RunnableFile, compare_latency
from exporters.measure.latency import LatencySettings, Round, undisturbed
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.scheduling import core_sets
from exporters.read.classifier import open_session
from tests.exporters.onnx_files import UINT8, Wanted, classifier, save
from tests.exporters.variants import write_fp32

QUICK = LatencySettings(rounds=4, min_pairs=20, min_seconds=0.0, max_seconds=60.0, warmup_seconds=0.01)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("onnx")
    return {width: write_fp32(folder / f"{width}.onnx", name) for width, name in ((8, "plain"), (64, "plain, 64 wide"))}


def compare(original: Path, candidate: Path, settings: LatencySettings = QUICK, **changes) -> LatencyComparison:
    options = {"batch_size": 2, "threads": 1} | changes
    files = (RunnableFile(path, image_size=16) for path in (original, candidate))
    return compare_latency(*files, settings=settings, **options)


@pytest.fixture(scope="module")
def measured(files) -> LatencyComparison:
    return compare(files[8], files[64], threads=2, batch_size=3)


def test_a_comparison_states_what_it_measured(measured):
    assert (measured.batch_size, measured.threads, measured.rounds) == (3, 2, 4)
    assert measured.original.samples == measured.candidate.samples == measured.pairs >= 20
    assert 0 < measured.pairs_used <= measured.pairs
    assert measured.settling_calls in (0, 1, 2)  # by the duration of a call
    assert not measured.cut_short
    assert 0 < measured.ratio_low <= measured.ratio_high
    assert measured.noisy == (measured.coefficient_of_variation > 0.1)
    assert gc.isenabled()


def test_the_time_limit_holds_for_slow_networks(files):
    hurried = replace(QUICK, rounds=50, min_pairs=10**6, max_seconds=0.2)
    result = compare(files[8], files[8], hurried)
    assert 4 <= result.rounds <= 50
    assert result.original.samples >= 3 * result.rounds
    assert result.original.samples < 10**6
    assert result.cut_short


@pytest.mark.parametrize(
    ("low", "high", "change"),
    [(1.02, 1.2, "faster"), (0.8, 0.98, "slower"), (0.9, 1.1, "no difference"), (1.005, 1.3, "no difference"),
     (0.990, 0.999, "no difference")],
)  # fmt: skip
def test_the_change_of_speed_is_that_of_the_whole_interval(low, high, change, measured):
    assert replace(measured, ratio_low=low, ratio_high=high).speed_change == change


def test_the_process_is_held_on_its_cores_only_while_it_is_timed(files, monkeypatch):
    before, seen = os.sched_getaffinity(0), []

    def opened(path, **options):
        seen.append(os.sched_getaffinity(0))
        return open_session(path, **options)

    monkeypatch.setattr("exporters.measure.calls.open_session", opened)
    result = compare(files[8], files[64])
    assert result.pinned
    assert os.sched_getaffinity(0) == before
    assert seen[:2] == [before, before]  # reading the signatures
    expected = [set(cores) for cores in core_sets(1)]
    assert seen[2::2] == seen[3::2] == [expected[number % len(expected)] for number in range(result.rounds)]


def test_more_threads_than_cores_are_not_held(files):
    assert not compare(files[8], files[8], threads=len(os.sched_getaffinity(0)) + 1).pinned


def test_two_files_of_other_layout_type_and_size(files, tmp_path):
    odd = save(classifier(Wanted(layout="NHWC", dtype=UINT8, size=(20, 24))), tmp_path / "odd.onnx")
    assert compare(files[8], odd).candidate.samples >= 20


def test_wrong_requests_are_errors(files, tmp_path):
    with pytest.raises(ExportError, match="at least 1 image, got 0"):
        compare(files[8], files[8], batch_size=0)
    with pytest.raises(ExportError, match="batch of 4, as in the file, got 2"):
        compare(files[8], save(classifier(Wanted(batch=4)), tmp_path / "four.onnx"))
    free = save(classifier(Wanted(size=("height", "width"))), tmp_path / "free.onnx")
    with pytest.raises(ExportError, match="expected an image size"):
        compare_latency(RunnableFile(files[8]), RunnableFile(free), batch_size=2, threads=1, settings=QUICK)
    with pytest.raises(FileError, match="cannot read"):
        compare(files[8], tmp_path / "none.onnx")


def test_a_network_of_several_times_the_work_is_found_slower_and_the_other_way_round(files):
    settings = LatencySettings(rounds=4, min_pairs=40, min_seconds=0.0)
    assert compare(files[8], files[64], settings).ratio < 1 < compare(files[64], files[8], settings).ratio


def round_of(*interruptions: int) -> Round:
    """A pair of timings for each count of interruptions."""
    return Round(np.arange(2.0 * len(interruptions)).reshape(-1, 2), np.array(interruptions))


def test_only_undisturbed_pairs_are_used():
    rounds = [round_of(0, 1, 0, 0, 2), *[round_of(0, 0, 0)] * 3, round_of(0, 0, 1)]
    used = undisturbed(rounds)
    assert len(used) == 4  # the last has only two
    assert used[0].tolist() == [[0, 1], [4, 5], [6, 7]]


def test_all_pairs_are_used_where_too_few_rounds_are_undisturbed():
    used = undisturbed([round_of(0, 1, 0, 0, 2), *[round_of(0, 0, 0)] * 2, round_of(3, 0, 1)])
    assert [len(pairs) for pairs in used] == [5, 3, 3, 3]
