from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.report.sample import latency, network, report

NAN, INFINITY = float("nan"), float("inf")


def test_original_and_candidate_are_found_by_role():
    document = report(
        networks=(
            network("full (F)", "extra", wrong=range(5), file="f.onnx"),
            network("pruned (P)", "candidate", wrong=range(5), file="p.onnx"),
            network("original", "original", wrong=range(5), file="o.onnx"),
        )
    )
    assert (document.original.label, document.candidate.label) == ("original", "pruned (P)")


def test_a_report_is_frozen_and_takes_no_unknown_field():
    document = report()
    with pytest.raises(ValidationError, match="frozen"):
        document.created = "now"
    with pytest.raises(ValidationError, match="Extra inputs"):
        report(surprise=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": {"01_baseline": NAN}},
        {"config": {"keep_macs": INFINITY}},
        {"environment": {"cpu": {"ghz": [1.0, NAN]}}},
        {"latency": (latency(1, 1, 1.0, NAN, 1.0),)},
        {"latency": (replace(latency(1, 1, 1.0, 1.0, 1.0), coefficient_of_variation=INFINITY),)},
        {"search": report().search.model_dump() | {"history": ({"energy": NAN},)}},
    ],
    ids=str,
)
def test_nan_and_infinity_never_get_in(changes):
    with pytest.raises(ValidationError, match="finite"):
        report(**changes)


def test_nan_inside_a_measured_value_never_gets_in():
    accuracy = replace(report().original.accuracy, loss=NAN)
    with pytest.raises(ValidationError, match="finite"):
        network("original", "original", wrong=range(5), file="o.onnx", accuracy=accuracy)


def test_a_report_needs_an_original_and_a_candidate_with_its_drop():
    original, candidate = report().networks
    with pytest.raises(ValidationError, match="one original and one candidate"):
        report(networks=(original,))
    with pytest.raises(ValidationError, match="one original and one candidate"):
        report(networks=(original, original, candidate))
    with pytest.raises(ValidationError, match="drop against the original"):
        report(networks=(original, candidate.model_copy(update={"drop": None})))
