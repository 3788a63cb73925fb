"""Shares and order, against values worked out by hand."""

import pytest

from compress.report.profile_tables import how_profiled, layer_table, layer_times, operator_times, shares
from exporters.measure.profile import LayerTime, OperatorProfile
from tests.report.sample import full_report, report

LAYERS = (
    LayerTime("a", "Conv", 1.0, 0.5, 0.5, ""),
    LayerTime("b", "Relu", 1.0, None, None, ""),
    LayerTime("c", "Conv", 2.0, 0.25, 0.1, "why"),
    LayerTime("d", "Pad", None, 4.25, None, ""),
    LayerTime("e", "Cast", 0.0, 0.0, None, ""),
)


@pytest.fixture
def profiled():
    return full_report(operators=OperatorProfile(8, 2, 60, LAYERS))


def test_what_the_candidate_spends_most_time_in_comes_first(profiled):
    assert [layer.layer for layer in layer_times(profiled)] == ["d", "a", "c", "b", "e"]
    assert layer_times(report()) == operator_times(report()) == ()


def test_shares_are_of_all_nodes(profiled):
    """4 ms in the original, 5 in the candidate."""
    assert [shares(profiled, layer) for layer in LAYERS] == [
        ("25.0 %", "10.0 %"), ("25.0 %", "-"), ("50.0 %", "5.0 %"), ("-", "85.0 %"), ("0.0 %", "0.0 %"),
    ]  # fmt: skip


def test_times_by_operator_are_sums(profiled):
    assert operator_times(profiled) == (
        LayerTime("Pad", "Pad", None, 4.25, None, "1 layer"),
        LayerTime("Conv", "Conv", 3.0, 0.75, None, "2 layers"),
        LayerTime("Relu", "Relu", 1.0, None, None, "1 layer"),
        LayerTime("Cast", "Cast", 0.0, 0.0, None, "1 layer"),
    )


def test_no_row_reads_as_a_latency(profiled):
    table = layer_table(profiled, most=2)
    assert table.rows == (
        ("d", "-", "4250", "85.0 %", "-", ""),
        ("a", "1000", "500", "10.0 %", "50.0 %", ""),
    )
    assert table.title == (
        "Where the time goes (µs per call in onnxruntime's profile, mean of the middle half of 60 calls, batch 8, "
        "2 threads; profiling slows every node: compare shares; share: of all nodes' time after; MACs: kept; "
        "2 of 5 layers)"
    )
    assert table.columns == ("layer", "before", "after", "share", "MACs", "note")
    whole = layer_table(profiled)
    assert len(whole.rows) == 5
    assert len(whole.columns) == len(whole.rows[0]) == 8
    assert how_profiled(profiled.operators) in layer_table(profiled).title


def test_all_layers_at_once_took_no_time():
    nothing = full_report(operators=OperatorProfile(1, 1, 60, (LayerTime("a", "Cast", 0.0, 0.0, None, ""),)))
    assert layer_table(nothing).rows == (("a", "Cast", "0", "0", "-", "-", "-", ""),)
