"""The benchmark's parts by hand-worked values; in the slow tier, what it has to show."""

from pathlib import Path

import psutil
import pytest

from benchmarks.latency_method import busy_neighbours, compare, macs_ratio, summarise, write_files
from benchmarks.latency_method_table import Span, alone_ratio, meeting, table
from exporters.measure.latency import LatencySettings


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    return write_files(tmp_path_factory.mktemp("onnx"))


def test_the_planted_slow_down_is_ten_percent_of_the_products(tmp_path):
    files = write_files(tmp_path, ["20 layers", "22 layers"])
    layer = 64 * 64 * 9 * 144
    rest = 3 * 64 * 144 + 64 * 5
    assert macs_ratio(files) == pytest.approx((20 * layer + rest) / (22 * layer + rest))
    assert 1 / macs_ratio(files) == pytest.approx(1.1, abs=0.001)


def test_what_is_true_is_the_median_ratio_of_runs_of_each_file_alone():
    alone = {"20 layers": [2.0, 2.2, 9.0], "22 layers": [2.5, 2.0, 10.0], "squeezenet": [1.0, 1.5, 0.7]}
    assert alone_ratio("planted", alone) == pytest.approx((0.8, 0.9, 1.1))
    assert alone_ratio("itself", alone) == (1, 1, 1)


def test_neighbours_are_gone_afterwards():
    before = set(psutil.Process().children())
    with busy_neighbours(2):
        assert len(set(psutil.Process().children()) - before) == 2
    assert set(psutil.Process().children()) == before


INTERVALS = ((0.98, 1.0, 1.02), (1.001, 1.01, 1.03), (0.97, 0.99, 1.0))


def test_intervals_that_meet_the_truth_are_counted():
    truths = (Span(1, 1, 1), Span(1.025, 1.1, 1.2), Span(2, 2, 2))
    assert [meeting(truth, INTERVALS) for truth in truths] == [2, 1, 0]


def test_the_table():
    row = {"neighbours": 1, "threads": 2, "intervals": INTERVALS, "variation": (0.1, 0.2, 0.3)}
    row["verdicts"] = ("no difference", "no difference", "faster")
    times = {"squeezenet": 1.0, "20 layers": 2.0, "22 layers": 2.2, "7 layers": 0.7}
    environment = {
        "cpu": {"model": "Some CPU", "cores": 2, "isa": ["avx2"]}, "git": "abc", "python": "3.12",
        "packages": {"onnxruntime": "1.31", "torch": "2.13", "numpy": "2.4"},
    }  # fmt: skip
    text = table(
        {
            "date": "2026-11-22",
            "environment": environment,
            "settings": {"min_seconds": 2.5, "rounds": 10},
            "macs_ratio": 0.9094,
            "alone": {"2": {name: [time] * 6 for name, time in times.items()}},
            "outcomes": [row | {"pair": pair} for pair in ("itself", "planted", "smaller")],
        }
    )
    itself = "1 | 2 of 3 | 2 no difference, 1 faster | 1.000 [0.980, 1.020] | 0.200 |"
    assert f"| 2 | 1 | a file against itself | {itself}" in text
    assert "| 2 | 1 | 22 layers against 20 |" in text
    assert "0.909 times as fast" in text
    assert "| 2 | 1 | 7 layers against 20 |" in text
    machine = "Some CPU, 2 cores (avx2), commit abc, Python 3.12, onnxruntime 1.31, torch 2.13, numpy 2.4"
    assert text.endswith(f"Measured on 2026-11-22 on {machine}; 2.5 s a comparison in 10 rounds.\n")


@pytest.mark.slow
@pytest.mark.parametrize("neighbours", [0, 1])
def test_a_file_against_itself_contains_1_in_18_of_20(files, neighbours):
    settings = LatencySettings(min_seconds=1.5)
    with busy_neighbours(neighbours):
        compared = compare(files, ("squeezenet",) * 2, threads=1, repeats=20, settings=settings)
    found = summarise("itself", compared, neighbours=neighbours)
    assert meeting(Span(1, 1, 1), found.intervals) >= 18
    assert found.verdicts.count("no difference") >= 19


@pytest.mark.slow
@pytest.mark.parametrize("neighbours", [0, 1])
@pytest.mark.parametrize("names", [("20 layers", "22 layers"), ("22 layers", "20 layers")])
def test_a_planted_slow_down_of_ten_percent_is_found(files, names, neighbours):
    with busy_neighbours(neighbours):
        compared = compare(files, names, threads=1, repeats=5, settings=LatencySettings())
    wanted, wrong = ("slower", "faster") if names[0] == "20 layers" else ("faster", "slower")
    verdicts = [one.speed_change for one in compared]
    assert verdicts.count(wanted) >= 4
    assert wrong not in verdicts
