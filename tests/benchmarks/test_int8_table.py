"""The table of what INT8 costs, from a report with known numbers."""

from benchmarks.int8_table import facts_of, table_of
from tests.report import sample
from tests.report.sample import changed
from tests.report.test_int8_tables import report_with


def test_a_row_for_every_float32_and_int8_file_with_its_loss_and_its_ratios():
    settings = {"keep_macs": 0.25, "epochs": 22, "method": "edropout", "seed": 0, "dataset": "/home/somebody/photos"}
    report = report_with()
    run = facts_of(changed(report, run=changed(report.run, config=settings)), name="first")
    assert "somebody" not in str(run)
    assert [file["label"] for file in run["files"]] == ["original", "pruned", "original int8", "pruned int8"]
    original, pruned, _twin, int8 = run["files"]
    assert (original["source_drop"], original["ratios"]) == (None, {"original": None, "source": None})
    assert (pruned["ratios"]["source"], pruned["calibration"], pruned["layers"]) == (None, None, None)
    assert int8["source_drop"][0] == 0.5  # 47 wrong of 400, 45 before
    assert (int8["float_layers"], int8["layers"]) == (["features.0", "features.3.squeeze"], 3)
    assert int8["rules"] == {"minmax": 0.0012, "entropy": 0.0031}
    row = table_of([run]).splitlines()[5]
    assert row.startswith("| first | pruned int8 | 88.2 % | -0.50 (")
    assert row.endswith("| minmax | 2 of 3 |")
    assert table_of([facts_of(report_with(None), name="given")]).splitlines()[5].endswith("| minmax | 2 |")


def test_where_and_when_it_was_measured_stands_below():
    lines = table_of([facts_of(changed(sample.full_report(), run=None), name="first")]).splitlines()
    assert lines[-1].startswith("- first: ")
    assert "400 test images, 48 pixels; batch 1, 1 thread; " in lines[-1]
