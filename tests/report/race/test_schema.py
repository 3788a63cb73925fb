"""The schema of ``race.json``, as it is shipped and printed."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from compress.report.race import model
from compress.report.race.documents import render_race_documents
from compress.report.race.model import RaceReport
from compress.report.store import document_schema
from tests.report.race.races import cell, race_of, result

SCHEMA = Path(model.__file__).with_name("race.schema.json")
RACES = {
    "begun": race_of(cell("l1", 0, None), data=None),
    "finished": race_of(
        cell("l1", 0, result("1111111000")), cell("edropout", 0, result("1111110011", ratio=None)),
        cell("bn-scale", 0, None, outcome="not applicable", reason="no BatchNorm"),
    ),
}  # fmt: skip


def test_the_shipped_schema_is_current_and_printed():
    """Written by ``compress race --schema > compress/report/race/race.schema.json``."""
    shipped = SCHEMA.read_text(encoding="utf-8")
    assert shipped == document_schema(RaceReport)
    command = [sys.executable, "-m", "compress", "race", "--schema"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == shipped


@pytest.mark.parametrize("kind", RACES)
def test_races_keep_the_shipped_schema(kind):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_race_documents(RACES[kind])["race.json"]), schema)


@pytest.mark.parametrize(
    "path",
    [["schema_version"], ["cells", 0, "outcome"], ["cells", 0, "result", "timing"], ["data", "fingerprint"],
     ["cells", 0, "result", "top1", "hits"]],
    ids=str,
)  # fmt: skip
def test_the_schema_misses_what_is_gone(path):
    document = json.loads(render_race_documents(RACES["finished"])["race.json"])
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(jsonschema.ValidationError, match=f"'{path[-1]}' is a required property"):
        jsonschema.validate(document, json.loads(document_schema(RaceReport)))
