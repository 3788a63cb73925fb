import json
from pathlib import Path

import jsonschema
import pytest

from compress.errors import BadInputError
from compress.report import store
from compress.report.store import dump_report, parse_report, read_report, report_schema
from tests.report.sample import foreign_report, full_report, report

GOLDEN = Path(__file__).parent / "report-2.0.json"
SCHEMA = Path(store.__file__).with_name("report.schema.json")
REPORTS = {"run": report, "full": full_report, "foreign": foreign_report}


def changed(**changes) -> str:
    return json.dumps(json.loads(dump_report(report())) | changes)


@pytest.mark.parametrize("kind", REPORTS)
def test_what_is_written_is_read_back_equal(tmp_path, kind):
    path, document = tmp_path / "report.json", REPORTS[kind]()
    path.write_text(dump_report(document), encoding="utf-8")
    assert read_report(path) == document
    assert dump_report(read_report(path)) == dump_report(document)


def test_a_report_of_schema_2_0_stays_readable_and_means_the_same():
    """The file was written once. If this fails, raise the schema version: users read these files."""
    document = read_report(GOLDEN)
    assert document.candidate.accuracy.top1.hits == 355
    assert document.gates[0].gate == "max-drop"
    assert document.timings("pruned int8", against="pruned")[0].ratio == 2.3
    assert dump_report(document) == GOLDEN.read_text(encoding="utf-8")


def test_the_json_has_what_a_script_looks_for():
    document = json.loads(dump_report(report()))
    assert document["schema_version"] == "2.0"
    assert document["networks"][1]["accuracy"]["top1"]["value"] == 355 / 400
    assert document["networks"][0]["drop"] is None
    assert document["latency"][1]["comparison"]["ratio_low"] == 1.48
    assert document["run"]["config"]["arch"] == "squeezenet"


def test_the_shipped_schema_is_current():
    """Written by ``compress report --schema > compress/report/report.schema.json``."""
    assert SCHEMA.read_text(encoding="utf-8") == report_schema()


@pytest.mark.parametrize("kind", REPORTS)
def test_reports_keep_the_shipped_schema(kind):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(dump_report(REPORTS[kind]())), schema)


@pytest.mark.parametrize(
    "path",
    [["schema_version"], ["networks", 0, "accuracy", "top1"], ["run", "search"], ["gates", 0, "passed"],
     ["latency", 0, "comparison", "original", "p50_ms"], ["networks", 1, "source"]],
    ids=str,
)  # fmt: skip
def test_the_schema_misses_what_is_gone(path):
    document = json.loads(dump_report(full_report()))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(jsonschema.ValidationError, match=f"'{path[-1]}' is a required property"):
        jsonschema.validate(document, json.loads(report_schema()))


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
    with pytest.raises(BadInputError, match=r"report\.json is damaged: NaN is no number"):
        parse_report(changed(environment={"a": float("nan")}), source="report.json")


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="cannot read the report"):
        read_report(tmp_path / "report.json")
