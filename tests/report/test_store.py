import json

import pytest

from compress.errors import BadInputError
from compress.report.model import Report
from compress.report.store import document_schema, dump_report, parse_report, read_report
from tests.report.sample import foreign_report, full_report, report

REPORTS = {"run": report, "full": full_report, "foreign": foreign_report}


def changed(**changes) -> str:
    return json.dumps(json.loads(dump_report(report())) | changes)


@pytest.mark.parametrize("kind", REPORTS)
def test_what_is_written_is_read_back_equal(tmp_path, kind):
    path, document = tmp_path / "report.json", REPORTS[kind]()
    path.write_text(dump_report(document), encoding="utf-8")
    assert read_report(path) == document
    assert dump_report(read_report(path)) == dump_report(document)


def test_the_json_has_what_a_script_looks_for():
    document = json.loads(dump_report(report()))
    assert document["schema_version"] == "2.0"
    assert document["networks"][1]["accuracy"]["top1"]["value"] == 355 / 400
    assert document["networks"][0]["drop"] is None
    assert document["latency"][1]["comparison"]["ratio_low"] == 1.48
    assert document["run"]["config"]["arch"] == "squeezenet"


def test_the_schema_names_every_field_that_is_written():
    schema, document = json.loads(document_schema(Report)), json.loads(dump_report(full_report()))
    assert set(schema["properties"]) == set(document)
    assert set(schema["$defs"]["NetworkRow"]["properties"]) == set(document["networks"][0])


@pytest.mark.parametrize("version", ["1.0", "2.1", 2, None])
def test_another_schema_is_refused(version):
    with pytest.raises(BadInputError, match=r"expected a report of schema 2\.0, old\.json has .*compress verify"):
        parse_report(changed(schema_version=version), source="old.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '"report"', "null", "3"])
def test_no_report_at_all(text):
    with pytest.raises(BadInputError, match=r"x\.json"):
        parse_report(text, source="x.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, "data: "),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"created": 5}, "created: Input should be a valid string"),
        ({"session": {"a": 3}}, r"session\.a: Input should be a valid string"),
        ({"networks": []}, "one original and one candidate"),
    ],
)
def test_a_wrong_field_is_named(changes, message):
    with pytest.raises(BadInputError, match=message):
        parse_report(changed(**changes), source="report.json")


def test_nan_in_a_file_is_refused():
    with pytest.raises(BadInputError, match=r"report\.json is damaged: NaN is not a number"):
        parse_report(changed(environment={"a": float("nan")}), source="report.json")


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="cannot read the report"):
        read_report(tmp_path / "report.json")
