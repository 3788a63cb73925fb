import json
from pathlib import Path

import pytest

from compress.errors import BadInputError
from compress.report.store import dump_report, parse_report, read_report
from tests.report.sample import report

GOLDEN = Path(__file__).parent / "report-1.0.json"


def changed(**changes) -> str:
    return json.dumps(json.loads(dump_report(report())) | changes)


def test_what_is_written_is_read_back_equal(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(dump_report(report()), encoding="utf-8")
    assert read_report(path) == report()
    assert dump_report(read_report(path)) == dump_report(report())


def test_a_report_of_schema_1_0_stays_readable_and_means_the_same():
    """The file was written once. If this fails, raise the schema version: users read these files."""
    document = read_report(GOLDEN)
    assert document.candidate.accuracy.top1.hits == 355
    assert dump_report(document) == GOLDEN.read_text(encoding="utf-8")


def test_the_json_has_what_a_script_looks_for():
    document = json.loads(dump_report(report()))
    assert document["schema_version"] == "1.0"
    assert document["networks"][1]["accuracy"]["top1"]["value"] == 355 / 400
    assert document["networks"][0]["drop"] is None
    assert document["latency"][1]["ratio_low"] == 1.48


@pytest.mark.parametrize("version", ["0.9", "2.0", 1, None])
def test_another_schema_is_refused(version):
    with pytest.raises(BadInputError, match=r"expected a report of schema 1\.0, old\.json has"):
        parse_report(changed(schema_version=version), source="old.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '"report"', "null", "3"])
def test_no_report_at_all(text):
    with pytest.raises(BadInputError, match=r"x\.json"):
        parse_report(text, source="x.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": None}, "budget: "),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"created": 5}, "created: Input should be a valid string"),
        ({"seconds": {"a": "3"}}, r"seconds\.a: Input should be a valid number"),
        ({"networks": []}, "one original and one candidate"),
    ],
)
def test_a_wrong_field_is_named(changes, message):
    with pytest.raises(BadInputError, match=message):
        parse_report(changed(**changes), source="report.json")


def test_nan_in_a_file_is_refused():
    with pytest.raises(BadInputError, match=r"report\.json"):
        parse_report(changed(seconds={"a": float("nan")}), source="report.json")


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="cannot read the report"):
        read_report(tmp_path / "report.json")
