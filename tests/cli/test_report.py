"""``compress report`` as its users meet it."""

import json

from compress.report.model import Report, document_schema, dump_report
from compress.runs import RunFolder
from tests.helpers.command import compress
from tests.report.sample import foreign_report
from tests.report.test_documents import run_with_report


def test_a_run_is_rendered_and_shown(tmp_path):
    run = run_with_report(tmp_path / "run")
    done = compress("report", run.path, "--license", "CC-BY-4.0")
    assert (done.returncode, done.stderr) == (0, f"Wrote report.md, report.html and MODEL_CARD.md in {run.path}\n")
    assert done.stdout.startswith("pruned against original")
    assert "CC-BY-4.0" in RunFolder.open(run.path).read_text("MODEL_CARD.md")


def test_a_report_file_alone_and_the_schema_are_shown(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(dump_report(foreign_report()))
    assert compress("report", path).stdout.startswith("small.onnx against big.onnx")
    assert json.loads(compress("report", path, "--json").stdout) == json.loads(path.read_text())
    assert list(tmp_path.iterdir()) == [path]
    assert "--license is kept in a run folder" in compress("report", path, "--license", "MIT").stderr
    assert compress("report", "--schema").stdout == document_schema(Report)
