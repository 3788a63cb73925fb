"""``compress compare`` as its users meet it."""

import json

import pytest

from compress.report.model import dump_report
from tests.helpers.command import compress
from tests.report.compare.runs import finished_run, on_machine, other_run
from tests.report.sample import full_report


@pytest.fixture
def runs(tmp_path):
    finished_run(tmp_path / "half", full_report(name="half"))
    (tmp_path / "other.json").write_text(dump_report(other_run()))
    (tmp_path / "elsewhere.json").write_text(dump_report(other_run(environment=on_machine("Other CPU"))))
    (tmp_path / "folder.html").mkdir()
    return tmp_path


def test_the_table_as_text_json_and_html(runs):
    done = compress("compare", "half", "other.json", cwd=runs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "A pruned int8" in done.stdout
    done = compress("compare", "half", "other.json", "--json", "--html", "new/page.html", cwd=runs)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "wrote new/page.html\n")
    assert document["setting"] == {"batch_size": 1, "threads": 1}
    fronts = {(row["runs"][0], row["network"]): row["fronts"] for row in document["rows"]}
    assert fronts["B", "pruned"] == ["latency", "MACs", "size"]
    assert (runs / "new" / "page.html").read_text().startswith("<!doctype html>")


def test_unlike_protocols(runs):
    command = ("compare", "half", "elsewhere.json", "--json")
    refused, forced = compress(*command, cwd=runs), compress(*command, "--force", cwd=runs)
    assert (refused.returncode, forced.returncode) == (2, 0)
    assert "Other CPU: other" in json.loads(refused.stdout)["error"]["message"]
    assert all(row["unlike"] for row in json.loads(forced.stdout)["rows"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["half"], 2, "two or more runs"),
        (["half", "nowhere"], 4, "nowhere"),
        (["half", "other.json", "--html", "half/report.html"], 2, "half/report.html is a file of the run"),
        (["half", "other.json", "--html", "folder.html"], 2, "choose another file for --html"),
        (["half", "other.json", "--html", "other.json"], 2, "ends in .html for --html, got other.json"),
        (["half", "other.json", "--html", "other.json/page.html"], 2, "choose another file for --html"),
    ],
)
def test_a_wrong_call_says_why(runs, arguments, code, message):
    done = compress("compare", *arguments, cwd=runs)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
