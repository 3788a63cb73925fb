"""What this process wrote: deleted without being read again, as long as nobody has touched it."""

from compress.runs import RunFolder, checked_folder
from tests.helpers.forks import states_of_kills


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
