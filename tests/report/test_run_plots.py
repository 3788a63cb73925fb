from compress.report.network_tables import series_numbers
from compress.report.run_plots import relative_times
from compress.report.timings import Setting
from tests.report import sample


def test_the_original_and_the_candidate_have_the_first_colours():
    assert series_numbers(sample.full_report()) == {
        "original": 0, "pruned": 1, "original int8": 2, "pruned int8": 3, "pruned fp16": 4,
    }  # fmt: skip


def test_times_are_in_percent_of_the_originals_by_the_ratio_of_the_pair():
    report = sample.full_report(
        latency=(
            sample.latency_row(1, 1, 2.2, 2.3, 2.5, against="pruned", other="pruned int8", before=1.1, after=0.5),
            sample.latency_row(1, 1, 3.2, 4.0, 5.0, other="pruned int8", before=1.5, after=0.4),
            sample.latency_row(8, 1, 1.4, 1.5, 1.6, before=9, after=6),
        )
    )
    assert relative_times(report, Setting(1, 1)) == {
        "original": (100, 100, 100), "pruned int8": (25, 20, 31.25),
    }  # fmt: skip
