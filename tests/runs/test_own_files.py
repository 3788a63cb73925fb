"""Files of a run: read within bounds; what this process wrote is deleted without being read again."""

import os
import re

import psutil
import pytest

from compress.errors import BadInputError, EnvironmentProblem
from compress.report.run_list import list_runs
from compress.runs import RunFolder, checked_folder
from compress.runs.folder import FAILED
from tests.helpers.forks import states_of_kills
from tests.runs.conftest import CONFIG


def test_an_old_checkpoint_is_deleted_without_being_read(run, monkeypatch):
    """It may have gigabytes."""
    run.save_checkpoint("03_search", {"step": 1})
    (old,) = (run.path / "03_search").iterdir()

    def refuse(_folder, rel):
        raise AssertionError(rel)

    monkeypatch.setattr(checked_folder, "read_own", refuse)
    run.save_checkpoint("03_search", {"step": 2})
    assert not old.exists()
    assert len([*(run.path / "03_search").iterdir()]) == 1


def test_a_checkpoint_that_somebody_has_replaced_is_theirs(run):
    run.save_checkpoint("03_search", {"step": 1})
    (old,) = (run.path / "03_search").iterdir()
    theirs = b"x" * old.stat().st_size
    old.write_bytes(theirs)
    run.save_checkpoint("03_search", {"step": 2})
    assert old.read_bytes() == theirs
    assert run.load_checkpoint("03_search") == {"step": 2}


def test_what_a_killed_process_wrote_is_not_taken_for_ones_own(run, tmp_path):
    for state in states_of_kills(lambda _path: run.write_text("a.txt", "a"), run.path, tmp_path):
        opened = RunFolder.open(state)
        assert not opened.wrote("a.txt")
    assert run.wrote("a.txt")
    (run.path / "a.txt").write_text("b")
    assert not run.wrote("a.txt")


def sparse(path, size=2**35):
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize(
    ("name", "state"), [("config.toml", "unreadable"), ("MANIFEST.sha256", "unreadable"), ("report.json", "unjudged")]
)
def test_a_file_that_no_run_writes_so_large_is_refused_unread_by_name(run, name, state):
    run.write_text("report.json", "{}")
    run._lock.release()
    sparse(run.path / name)
    expected = rf"{name} was changed or damaged: expected at most .* bytes, got 34,359"
    with pytest.raises(BadInputError, match=expected):
        RunFolder.open(run.path).read_bytes(name)
    with RunFolder.create(run.path.parent / "intact", CONFIG, overwrite=False):
        pass
    rows = {row.name: row for row in list_runs(run.path.parent)}
    assert {name: row.state for name, row in rows.items()} == {"run": state, "intact": "unfinished"}
    assert re.search(expected, rows["run"].problem)


def test_weights_larger_than_the_free_memory_are_named(run):
    run.write_text("01_baseline/weights.safetensors", "w")
    sparse(run.path / "01_baseline/weights.safetensors", psutil.virtual_memory().total + 2**30)
    with pytest.raises(EnvironmentProblem, match=r"GiB of free memory for .*01_baseline/weights\.safetensors, got"):
        run.read_bytes("01_baseline/weights.safetensors")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "endless", "nested"])
def test_an_event_log_of_any_kind_neither_waits_nor_fills_the_memory(run, kind):
    run.finish("01_baseline", 1.0)
    log = run.path / "events.jsonl"
    log.unlink()
    match kind:
        case "pipe":
            os.mkfifo(log)
        case "device":
            log.symlink_to("/dev/zero")
        case "folder":
            log.mkdir()
        case "endless":
            sparse(log)
        case "nested":
            log.write_text("[" * 100_000)
    assert (run.failure(), run.started()) == ("", None)


def test_the_last_event_of_a_long_log_is_found_from_its_end(run):
    for number in range(3):
        run.event("note", text="x" * 2**20, number=number)
    run.event(FAILED, reason="it diverged")
    assert run.failure() == "it diverged"
