from dataclasses import asdict, replace

import pytest
from pydantic import ValidationError

from tests.report.sample import full_report, latency_row, network, report, run_facts, timing

NAN, INFINITY = float("nan"), float("inf")


def test_original_and_candidate_are_found_by_role():
    document = report(
        networks=(
            network("full (F)", "extra", wrong=range(5), file="f.onnx"),
            network("pruned (P)", "candidate", wrong=range(5), file="p.onnx"),
            network("original", "original", wrong=range(5), file="o.onnx"),
        ),
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
        {"run": run_facts().model_dump() | {"seconds": {"01_baseline": NAN}}},
        {"run": run_facts().model_dump() | {"config": {"keep_macs": INFINITY}}},
        {"run": run_facts().model_dump() | {"training": {"01_baseline": ({"loss": NAN},)}}},
        {"environment": {"cpu": {"ghz": [1.0, NAN]}}},
        {"latency": ({"original": "original", "candidate": "pruned",
                      "comparison": asdict(latency_row(1, 1, 1.0, 1.0, 1.0).comparison) | {"ratio": NAN}},)},
        {"latency": ({"original": "original", "candidate": "pruned",
                      "comparison": replace(latency_row(1, 1, 1.0, 1.0, 1.0).comparison,
                                            original=timing(1.0, coefficient_of_variation=INFINITY))},)},
    ],
    ids=range(6),
)  # fmt: skip
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


def test_every_label_is_of_one_network_and_every_name_is_a_label():
    original, candidate = report().networks
    with pytest.raises(ValidationError, match="label of its own"):
        report(networks=(original, candidate, candidate.model_copy(update={"role": "extra"})))
    with pytest.raises(ValidationError, match=r"labels of networks, got \['nobody'\]"):
        report(latency=(latency_row(1, 1, 1.0, 1.0, 1.0, other="nobody"),))
    with pytest.raises(ValidationError, match=r"labels of networks, got \['pruned'\]"):
        full_report(
            networks=tuple(
                row if row.label != "pruned" else row.model_copy(update={"label": "small"})
                for row in full_report().networks
            ),
            latency=(),
        )


def test_timings_of_a_pair_come_smallest_batch_first():
    document = full_report()
    assert [(row.batch_size, row.threads) for row in document.timings("pruned", against="original")] == [(1, 1), (8, 2)]
    assert document.timings("original", against="pruned") == ()
