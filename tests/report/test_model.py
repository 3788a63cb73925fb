from dataclasses import asdict

import pytest
from pydantic import ValidationError

from tests.report.sample import changed, full_report, latency_row, network, report, run_facts, timing

NAN, INFINITY = float("nan"), float("inf")
ORIGINAL, CANDIDATE = report().networks
EQUAL = latency_row(1, 1, 1.0, 1.0, 1.0)


def timed(comparison) -> dict:
    return {"latency": ({"original": "original", "candidate": "pruned", "comparison": comparison},)}


def test_original_and_candidate_are_found_by_role():
    extra = changed(CANDIDATE, label="full (F)", role="extra")
    document = report(networks=(extra, changed(CANDIDATE, label="pruned (P)"), ORIGINAL))
    assert (document.original.label, document.candidate.label) == ("original", "pruned (P)")


def test_timings_of_a_pair_come_smallest_batch_first():
    document = full_report()
    assert [(row.batch_size, row.threads) for row in document.timings("pruned", against="original")] == [(1, 1), (8, 2)]
    assert document.timings("original", against="pruned") == ()


def test_a_report_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        report().created = "now"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "Extra inputs"),
        ({"run": run_facts().model_dump() | {"seconds": {"01_baseline": NAN}}}, "finite"),
        ({"run": run_facts().model_dump() | {"config": {"keep_macs": INFINITY}}}, "finite"),
        ({"run": run_facts().model_dump() | {"training": {"01_baseline": ({"loss": NAN},)}}}, "finite"),
        ({"environment": {"cpu": {"ghz": [1.0, NAN]}}}, "finite"),
        (timed(asdict(EQUAL.comparison) | {"ratio": NAN}), "finite"),
        (timed(changed(EQUAL.comparison, original=timing(1.0, coefficient_of_variation=INFINITY))), "finite"),
        ({"networks": (ORIGINAL,)}, "one original and one candidate"),
        ({"networks": (ORIGINAL, ORIGINAL, CANDIDATE)}, "one original and one candidate"),
        ({"networks": (ORIGINAL, changed(CANDIDATE, drop=None))}, "drop against the original"),
        ({"networks": (ORIGINAL, CANDIDATE, changed(CANDIDATE, role="extra"))}, "label of its own"),
        ({"networks": (ORIGINAL, CANDIDATE, changed(CANDIDATE, role="extra", label="x", source="small"))},
         r"labels of networks, got \['small'\]"),
        ({"latency": (changed(EQUAL, candidate="nobody"),)}, r"labels of networks, got \['nobody'\]"),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_a_report_refuses(changes, message):
    with pytest.raises(ValidationError, match=message):
        report(**changes)


def test_nan_inside_a_measured_value_never_gets_in():
    with pytest.raises(ValidationError, match="finite"):
        network("original", "original", wrong=range(5), file="o", accuracy=changed(ORIGINAL.accuracy, loss=NAN))
