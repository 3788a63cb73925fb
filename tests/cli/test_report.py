"""``compress report`` as its users meet it."""

import json
import subprocess
import sys

import pytest

from compress.cli.report import report
from compress.errors import UsageError
from compress.report.model import Report
from compress.report.store import document_schema, dump_report
from compress.runs import RunFolder
from tests.report.sample import foreign_report, full_report
from tests.report.test_documents import run_with_report


def call(*arguments):
    command = [sys.executable, "-m", "compress", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_is_rendered_and_shown(tmp_path):
    run = run_with_report(tmp_path / "run")
    done = call(run.path, "--license", "CC-BY-4.0")
    assert (done.returncode, done.stderr) == (0, f"Wrote report.md, report.html and MODEL_CARD.md in {run.path}\n")
    assert done.stdout.startswith("pruned against original")
    assert "CC-BY-4.0" in RunFolder.open(run.path).read_text("MODEL_CARD.md")


def test_a_report_file_alone_is_shown(tmp_path, capsys):
    path = tmp_path / "report.json"
    path.write_text(dump_report(foreign_report()))
    report(path)
    assert capsys.readouterr().out.startswith("small.onnx against big.onnx")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="--license is kept in a run folder"):
        report(path, license_name="MIT")


def test_json_is_the_report(tmp_path, capsys):
    (tmp_path / "report.json").write_text(dump_report(full_report()))
    report(tmp_path / "report.json", json=True)
    assert json.loads(capsys.readouterr().out) == json.loads(dump_report(full_report()))


def test_the_schema_is_printed(capsys):
    report(schema=True)
    assert capsys.readouterr().out == document_schema(Report)


def test_either_a_run_or_the_schema(tmp_path):
    for path, schema in ((None, False), (tmp_path, True)):
        with pytest.raises(UsageError, match="Give a run folder, or --schema"):
            report(path, schema=schema)


def test_a_folder_that_is_no_run_is_bad_input(tmp_path):
    done = call(tmp_path)
    assert done.returncode == 4
    assert str(tmp_path) in done.stderr
