import math
from dataclasses import replace

import pytest

from compress.errors import CheckFailedError, UsageError
from compress.report.figures import gate_sentence
from compress.report.results import AccuracyDrop, GateResult
from compress.settings.config import build
from compress.settings.verify import Gates
from compress.verdict.gates import judge, judge_int8, require
from exporters.measure.latency_results import LatencyComparison, Timing


def timing(p50_ms: float, low: float, high: float) -> Timing:
    return Timing(700, p50_ms, low, high, None, None, 1000 / p50_ms, 0.02, (p50_ms,))


MEASURED = {
    "network": "pruned",
    "drop": AccuracyDrop(0.72, 0.11, 1.33, only_original_right=60, only_candidate_right=31, images=4000),
    "timing": LatencyComparison(
        batch_size=1, threads=1, rounds=10, settling_calls=2, pairs=700, pairs_used=690, cut_short=False,
        original=timing(1.5, 1.45, 1.9), candidate=timing(1.0, 0.985, 1.021),
        ratio=1.50, ratio_low=1.48, ratio_high=1.55, pinned=True, noisy=False,
    ),
    "size_bytes": 1_200_000,
    "macs": 12_500_000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "pessimistic", "missed"),
    [
        ("max_drop", 1.33, 1.32),  # though the drop itself is 0.72
        ("max_drop", 1.33, -0.5),
        ("min_speedup", 1.48, 1.49),  # though the ratio itself is 1.50
        ("max_latency_ms", 1.021, 1.02),  # though the median itself is 1.00
        ("max_size_mb", 1.2, 1.19),
        ("max_macs", 12_500_000, 12_499_999),
    ],
)
def test_the_pessimistic_end_decides(name, pessimistic, missed):
    for limit in (pessimistic, missed):
        (result,) = judge(Gates(**{name: limit}), **MEASURED)
        assert (result.gate, result.network) == (name.replace("_", "-"), "pruned")
        assert (result.limit, result.pessimistic, result.passed) == (limit, pessimistic, limit == pessimistic)


def test_every_gate_that_was_asked_for_is_judged_in_order():
    gates = Gates(max_drop=1, min_speedup=1.2, max_latency_ms=2, max_size_mb=1, max_macs=20_000_000)
    results = judge(gates, **MEASURED)
    names = [name.replace("_", "-") for name in Gates.model_fields if name != "max_int8_drop"]  # of other files
    assert [result.gate for result in results] == names
    assert [result.passed for result in results] == [False, True, True, False, True]
    assert judge(Gates(), **MEASURED) == ()


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        (Gates(max_drop=2), "max-drop: 0.72 points (at most 1.33), limit 2.00: kept, 0.67 to spare"),
        (Gates(min_speedup=1.6), "min-speedup: 1.50x (at least 1.48), limit 1.60: missed by 0.12"),
        (Gates(min_speedup=1.48), "min-speedup: 1.50x (at least 1.48), limit 1.48: kept, 0.00 to spare"),
        (Gates(max_latency_ms=1.02), "max-latency-ms: 1.0000 ms (at most 1.0210), limit 1.0200: missed by 0.0010"),
        (Gates(max_latency_ms=0.05), "max-latency-ms: 1.000 ms (at most 1.021), limit 0.050: missed by 0.971"),
        (Gates(max_macs=10_000_000), "max-macs: 12,500,000, limit 10,000,000: missed by 2,500,000"),
    ],
)
def test_a_result_in_words(gates, sentence):
    assert gate_sentence(*judge(gates, **MEASURED)) == sentence


def test_a_gain_and_a_gap_too_small_to_write_in_words():
    measured = MEASURED | {"drop": replace(MEASURED["drop"], points=-0.5, high=0.1)}
    assert gate_sentence(*judge(Gates(max_drop=0.5), **measured)) == (
        "max-drop: -0.50 points (at most 0.10), limit 0.50: kept, 0.40 to spare"
    )
    result = GateResult("max-drop", "pruned", limit=1.0, measured=0.5, pessimistic=1.0 + 1e-9, passed=False)
    assert gate_sentence(result).endswith("missed by less than 0.000001")


def test_the_error_names_the_gates_that_were_missed_and_no_other():
    results = judge(Gates(max_drop=1, min_speedup=1.2, max_size_mb=1), **MEASURED)
    with pytest.raises(CheckFailedError) as error:
        require(results)
    assert str(error.value).splitlines() == [
        "max-drop: 0.72 points (at most 1.33), limit 1.00: missed by 0.33 (pruned)",
        "max-size-mb: 1.20 MB, limit 1.00: missed by 0.20 (pruned)",
    ]
    assert error.value.exit_code == 3
    require(result for result in results if result.passed)


@pytest.mark.parametrize("gates", [Gates(min_speedup=1.1), Gates(max_latency_ms=3)])
def test_no_gate_passes_unseen(gates):
    untimed = MEASURED | {"timing": None}
    with pytest.raises(CheckFailedError, match="got no measurement"):
        judge(gates, **untimed)
    assert [result.passed for result in judge(Gates(max_macs=12_500_000), **untimed)] == [True]


@pytest.mark.parametrize("name", list(Gates.model_fields))
@pytest.mark.parametrize("limit", [math.nan, math.inf, 0, -1])
def test_a_limit_that_nothing_keeps_is_refused(name, limit):
    if name in ("max_drop", "max_int8_drop") and math.isfinite(limit):
        assert getattr(Gates(**{name: limit}), name) == limit  # a gain may be asked for
        return
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}: expected .*, got {limit}"):
        build(Gates, {name: limit})


def test_every_int8_file_is_judged_against_the_file_it_was_made_from():
    drops = {
        "original int8": replace(MEASURED["drop"], points=0.1, high=0.3),
        "pruned int8": replace(MEASURED["drop"], points=0.4, high=0.9),
    }
    first, second = judge_int8(0.5, drops)
    assert (first.gate, first.network, first.measured, first.pessimistic, first.passed) == (
        "max-int8-drop", "original int8", 0.1, 0.3, True,
    )  # fmt: skip
    assert (second.network, second.passed) == ("pruned int8", False)
    assert gate_sentence(second) == "max-int8-drop: 0.40 points (at most 0.90), limit 0.50: missed by 0.40"
    assert judge_int8(None, drops) == ()
    with pytest.raises(UsageError, match=r"judges INT8 files: make one first, with compress export RUN --int8$"):
        judge_int8(0.5, {})
