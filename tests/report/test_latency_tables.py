"""Shares and order, against values worked out by hand."""

from compress.report.latency_tables import how_profiled, layer_table, operator_table
from exporters.measure.profile import LayerTime, OperatorProfile
from tests.report.sample import full_report, report

PROFILED = full_report(
    operators=OperatorProfile(
        8, 2, 60,
        (
            LayerTime("a", "Conv", 1.0, 0.5, 0.5, ""),
            LayerTime("b", "Relu", 1.0, None, None, ""),
            LayerTime("c", "Conv", 2.0, 0.25, 0.1, "why"),
            LayerTime("d", "Pad", None, 4.25, None, ""),
            LayerTime("e", "Cast", 0.0, 0.0, None, ""),
        ),
    )
)  # fmt: skip


def test_times_with_shares_of_all_nodes_largest_of_the_candidate_first():
    """All nodes take 4 ms in the original, 5 in the candidate; times by operator are sums."""
    table = layer_table(PROFILED)
    assert table.columns == ("layer", "kind", "before", "after", "share before", "share", "MACs", "note")
    assert table.rows == (
        ("d", "Pad", "-", "4250", "-", "85.0 %", "-", ""),
        ("a", "Conv", "1000", "500", "25.0 %", "10.0 %", "50.0 %", ""),
        ("c", "Conv", "2000", "250", "50.0 %", "5.0 %", "10.0 %", "why"),
        ("b", "Relu", "1000", "-", "25.0 %", "-", "-", ""),
        ("e", "Cast", "0", "0", "0.0 %", "0.0 %", "-", ""),
    )
    assert table.marks[1].values == (1.0, 0.5)
    assert operator_table(PROFILED).rows == (
        ("Pad", "-", "4250", "-", "85.0 %", "1 layer"),
        ("Conv", "3000", "750", "75.0 %", "15.0 %", "2 layers"),
        ("Relu", "1000", "-", "25.0 %", "-", "1 layer"),
        ("Cast", "0", "0", "0.0 %", "0.0 %", "1 layer"),
    )
    assert how_profiled(PROFILED.operators) == (
        "µs per call in onnxruntime's profile, mean of the middle half of 60 calls, batch 8, 2 threads; "
        "profiling slows every node: compare shares."
    )


def test_no_profile_and_a_profile_without_time():
    assert layer_table(report()).rows == operator_table(report()).rows == ()
    nothing = full_report(operators=OperatorProfile(1, 1, 60, (LayerTime("a", "Cast", 0.0, 0.0, None, ""),)))
    assert layer_table(nothing).rows == (("a", "Cast", "0", "0", "-", "-", "-", ""),)
