"""Temporary folders: gone at the end, or with the next one after a kill."""

import os
import signal
import tempfile

import pytest

from exporters.write.scratch import scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def killed_within(beside):
    """A process that is killed while it uses a folder."""
    child = os.fork()
    if not child:
        with scratch_folder(beside=beside) as folder:
            (folder / "large").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("name", [None, "files", "exp[1]", "n" * 255])
def test_what_a_killed_process_left_is_removed_and_nothing_else(temporary, tmp_path, name):
    beside = tmp_path / name if name else None
    parent = tmp_path if name else temporary
    killed_within(beside)
    (left,) = parent.glob("*compress-scratch-*")
    theirs = [parent / f"{left.name}{end}" for end in ("-mine", "-link")]
    theirs[0].mkdir()
    (theirs[0] / "precious").touch()
    theirs[1].symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    for sub in ("content", ".lock-of-compress"):
        (tmp_path / "elsewhere" / sub).touch()
    with scratch_folder(beside=beside) as used:
        assert not left.exists()
        with scratch_folder(beside=beside) as other:
            assert used.is_dir()
            assert list(other.iterdir()) == []
    assert sorted(parent.glob("*compress-scratch-*")) == sorted(theirs)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2
    assert (theirs[0] / "precious").exists()


def test_the_content_may_become_something_else(tmp_path):
    with scratch_folder(beside=tmp_path / "out") as folder:
        (folder / "a").touch()
        folder.rename(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if path.name != "tmp"] == ["out"]
    assert (tmp_path / "out/a").exists()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
