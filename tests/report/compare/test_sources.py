import pytest

from compress.errors import BadInputError, UsageError
from compress.report.compare.sources import read_sources
from compress.report.model import dump_report
from compress.runs import RunFolder
from tests.helpers.runs import tiny_config
from tests.report.compare.runs import finished_run, other_run
from tests.report.sample import report


def test_run_folders_folders_and_files(tmp_path):
    run = finished_run(tmp_path / "run", report(name="run"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "report.json").write_text(dump_report(other_run(name="folder")))
    (tmp_path / "file.json").write_text(dump_report(other_run(name="file")))
    found = read_sources([run, tmp_path / "folder", tmp_path / "file.json"])
    assert [(name, report.name) for name, report in found] == [(name, name) for name in ("run", "folder", "file")]


def test_runs_of_the_same_name_get_their_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("monday", "tuesday"):
        finished_run(tmp_path / folder / "half", report(name="half"))
    finished_run(tmp_path / "third", report(name="third"))
    found = read_sources([type(tmp_path)(name) for name in ("monday/half", "tuesday/half", "third")])
    assert [name for name, _report in found] == ["monday/half", "tuesday/half", "third"]


def test_one_run_named_twice_is_refused(tmp_path):
    run = finished_run(tmp_path / "run", report())
    with pytest.raises(UsageError, match=r"expected different runs, got run/report\.json 2 times"):
        read_sources([run, run / "report.json"])


def test_a_run_without_a_verdict_or_changed_by_hand_and_no_run_at_all(tmp_path):
    RunFolder.create(tmp_path / "begun", tiny_config(tmp_path), overwrite=False)
    (finished_run(tmp_path / "run", report()) / "report.json").write_text(dump_report(other_run()))
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("begun", "no report yet: go on with compress run --resume"),
        ("run", "changed or damaged"),
        ("nowhere", "nowhere"),
        ("empty", "empty"),
    ):
        with pytest.raises(BadInputError, match=message):
            read_sources([tmp_path / name])
