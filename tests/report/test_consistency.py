"""Reports of others: what a document would trip over is refused where the report is read."""

import json

import pytest

from compress.errors import BadInputError
from compress.report.model import dump_report, parse_report
from tests.report.sample import full_report

WRITTEN = dump_report(full_report())


def with_value(path: str, value: object) -> str:
    """The report's JSON with one value replaced: "changed.0.truth"."""
    document = json.loads(WRITTEN)
    place, *steps = document, *path.split(".")
    for step in steps[:-1]:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(steps[-1]) if isinstance(place, list) else steps[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("changed.0.truth", 6, "expected numbers of the 6 classes, 0 to 5, got 6"),
        ("changed.0.original", -1, "0 to 5, got -1"),
        ("changed.0.candidate", 10**17, "0 to 5, got 100,000,000,000,000,000"),
        ("networks.1.comparison.classes.0.label", 6, "0 to 5, got 6"),
        ("networks.1.comparison.confusions.0.truth", -2, "0 to 5, got -2"),
        ("networks.1.comparison.confusions.0.answer", 6, "0 to 5, got 6"),
        ("data.classes", [], "expected numbers of the 0 classes"),
        ("networks.0.size_bytes", 0, "expected bytes of a file above 0, got 0"),
        ("latency.0.comparison.ratio", 0.0, "expected a ratio of times above 0, got 0"),
        ("latency.0.comparison.ratio_low", 1e-320, "expected a ratio of times above 0"),
        ("latency.0.comparison.original.sample_ms.0", -1.0, "expected milliseconds of a call above 0"),
        ("run.layers.0.out_before", 0, "expected channels of a layer above 0, got 0"),
        ("run.training.01_baseline.0", {"loss": 1.0}, "number of an epoch in every row of a history, got None"),
        ("run.search.history.0.epoch", 1e17, "number of an epoch in every row"),
        ("run.search.converged_at", 10**17, "number of an epoch in every row"),
        ("networks.2.drop", None, "expected the extra's drop against the original, got none"),
        ("networks.2.source_drop", None, "against the file that it was made from, got none"),
        ("gates.0.gate", "max-fun", "expected a gate of max-drop, .*got 'max-fun'"),
        ("networks.0.macs", 10**18, "whole numbers of at most 18 digits"),
        ("run.seconds.03_search", 1e101, r"expected finite numbers, at most 1e\+100, got 1e\+101"),
    ],
)
def test_a_number_that_no_document_can_use_is_named(path, value, message):
    with pytest.raises(BadInputError, match=rf"(?s)r\.json .*{message}"):
        parse_report(with_value(path, value), source="r.json")


def test_a_report_with_a_thousand_faults_names_the_first_ones():
    text = with_value("changed", [{"index": "a", "truth": 0, "original": 0, "candidate": 0, "png": ""}] * 1000)
    with pytest.raises(BadInputError) as caught:
        parse_report(text, source="r.json")
    assert str(caught.value).count("\n") == 6


def test_endless_nesting_is_named():
    text = with_value("environment", 0).replace('"environment": 0', f'"environment": {"[" * 10**5}')
    with pytest.raises(BadInputError, match=r"r\.json is not JSON that can be read: it is nested too deeply"):
        parse_report(text, source="r.json")
