import pytest

from tests.api.searches import searched
from tests.helpers.networks import prunable_of


def test_the_report_states_what_is_kept_layer_by_layer_and_prints_as_a_table():
    found = searched()
    report, full = found.pruner.report(), prunable_of(found.network).model.full
    assert [report.progress, report.macs, report.parameters] == [1, full.macs, full.parameters]
    assert [(row.layer, row.channels) for row in report.layers] == [("stem", 8), ("inner", 7)]
    assert {row.layer: row.kept for row in report.layers} == {k: len(v) for k, v in found.pruner.kept.items()}
    small = found.pruner.remove()
    assert report.kept_parameters == pytest.approx(sum(p.numel() for p in small.parameters()) / full.parameters)
    stem = next(row for row in report.layers if row.layer == "stem")
    text = str(report)
    assert text.splitlines()[0] == "100.0 % of the search done"
    assert [line.split() for line in text.splitlines() if "stem" in line] == [["stem", str(stem.kept), "8"]]
    assert f"{100 * report.kept_macs:.1f} % of " in text
