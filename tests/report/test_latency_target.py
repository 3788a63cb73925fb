"""A latency budget beside what was measured: met within the interval, or missed and by how much."""

import pytest

from compress.report.latency_facts import LatencyBudget
from compress.report.latency_target import asked_latency, target_table, target_words
from compress.report.run_tables import budget_words
from tests.report import sample

FACTS = {
    "asked": "speed-up", "asked_ms": 1.0, "asked_speedup": 1.5, "predicted_ms": 0.96, "predicted_speedup": 1.5625,
    "checked_speedup": 1.48, "corrected": False, "batch_size": 1, "threads": 1, "samples": 56, "error_median": 0.021,
    "error_largest": 0.06, "machine": {"cpu": "A processor", "cores": "4"}, "versions": {"onnxruntime": "1.31"},
    "device": False,
}  # fmt: skip


def report_of(*row: float, after: float = 1.0, **changes):
    """A report whose latency at batch 1 is (low, ratio, high)."""
    budget = sample.run_facts().budget.model_copy(
        update={"asked_macs": None, "latency": LatencyBudget(**FACTS | changes)}
    )
    latency = (sample.latency_row(1, 1, *row, after=after),)
    return sample.report(run=sample.run_facts(budget=budget), latency=latency)


@pytest.mark.parametrize(
    ("ratios", "end", "outcome"),
    [
        ((1.55, 1.6, 1.65), "1.60x: met", "gained"),
        ((1.40, 1.45, 1.52), "1.45x: met within its interval", "gained"),  # the interval reaches it
        ((1.30, 1.35, 1.40), "1.35x: missed by 11.1 %", "lost"),  # 1.5 / 1.35
    ],
)
def test_a_speed_up_is_missed_where_its_whole_interval_is_slower(ratios, end, outcome):
    words, found = target_words(report_of(*ratios))
    assert words.startswith("latency asked: 1.50x as fast as the original (batch 1, 1 thread); 0.960 ms predicted")
    assert words.endswith(end)
    assert found == outcome


def test_milliseconds_are_judged_by_the_candidates_own():
    # The sample's interval of a median is 0.98 to 1.03 of it.
    asked = {"asked": "milliseconds", "asked_ms": 0.8}
    words, found = target_words(report_of(1.4, 1.5, 1.6, after=0.81, **asked))
    assert words.endswith("0.810 ms measured, 1.50x: met within its interval")
    words, found = target_words(report_of(1.4, 1.5, 1.6, after=0.9, **asked))
    assert words.endswith("0.900 ms measured, 1.50x: missed by 12.5 %")
    assert found == "lost"
    assert asked_latency(LatencyBudget(**FACTS | asked)) == "0.800 ms a call (batch 1, 1 thread)"


def test_a_device_is_not_judged_by_this_machine():
    words, found = target_words(report_of(1.0, 1.1, 1.2, device=True, checked_speedup=None))
    assert words.endswith("the device of the table measures it with its kit")
    assert found == "same"
    arm = {"precision": "int8", "int8_for": "arm"}
    words, _found = target_words(report_of(1.0, 1.1, 1.2, device=True, checked_speedup=None, **arm))
    assert words.startswith("latency asked: 1.50x as fast as the original in INT8 for ARM (batch 1, 1 thread);")


def test_int8_is_judged_by_its_own_file():
    report = report_of(1.4, 1.5, 1.6, precision="int8")
    assert target_words(report)[0].endswith("not measured at this setting")  # the float32 file's time says nothing
    row = report.latency[0].model_copy(update={"candidate": f"{report.candidate.label} int8"})
    report = report.model_copy(update={"latency": (row,)})
    words, found = target_words(report)
    assert words.startswith("latency asked: 1.50x as fast as the original in INT8 (batch 1, 1 thread);")
    assert (words.endswith("1.50x: met"), found) == (True, "gained")
    table = target_table(report)
    assert table.columns[1:3] == ("original, ms", "pruned in INT8, ms")
    assert "56 samples of the network in INT8 on A processor" in table.note


def test_a_setting_that_was_not_timed_is_said():
    assert target_words(report_of(1.0, 1.1, 1.2, threads=4))[0].endswith("not measured at this setting")


def test_a_budget_of_the_cpu_is_not_judged_by_another_provider():
    report = sample.changed(report_of(1.55, 1.6, 1.65), session={"provider": "OpenVINOExecutionProvider"})
    words, found = target_words(report)
    assert words.endswith("not measured on the CPU")
    assert found == "same"
    assert [row[0] for row in target_table(report).rows] == ["asked", "predicted", "measured after the cut"]


def test_asked_predicted_and_measured_stand_side_by_side():
    table = target_table(report_of(1.40, 1.45, 1.52, corrected=True))
    assert table.rows == (
        ("asked", "-", "1.00", "1.50x"),
        ("predicted", "1.50", "0.960", "1.56x"),
        ("measured after the first cut", "-", "-", "1.48x"),
        ("measured", "1.50", "1.00", "1.45x, 1.40 to 1.52"),
    )
    assert "56 samples of the network on A processor, 4 cores, onnxruntime 1.31" in table.note
    assert "off by 2.1 % in the median, 6.0 % at most" in table.note
    assert "cut a second time by the corrected model" in table.note


def test_other_budgets_say_nothing_of_it():
    report = sample.report()
    assert target_words(report) is None
    assert target_table(report).rows == ()


def test_the_budget_in_words_names_the_latency():
    budget = report_of(1.4, 1.5, 1.6).run.budget
    assert budget_words(budget).startswith(
        "Asked: 1.50x as fast as the original (batch 1, 1 thread). Reached: 49.8 % of"
    )
