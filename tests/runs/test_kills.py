"""What a kill leaves of a run folder: the disk as it is after every single step of an operation."""

import pathlib
import shutil
from contextlib import suppress

import torch

from compress.runs import RunFolder
from compress.settings.config import RunConfig


class Killed(BaseException):
    pass


def _states_after_every_step(operation, run, tmp_path, monkeypatch):
    """Yield copies of the folder as a kill after 0, 1, 2, ... file operations leaves it."""
    for allowed in range(50):
        copy = shutil.copytree(run.path, tmp_path / f"killed-{allowed}")
        steps, finished = iter(range(allowed)), False

        def counted(real, steps=steps):
            def call(*args, **options):
                if next(steps, None) is None:
                    raise Killed
                return real(*args, **options)

            return call

        with monkeypatch.context() as patch, RunFolder.open(copy) as victim, suppress(Killed):
            for name in ("replace", "unlink", "rmdir"):
                patch.setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
            operation(victim)
            finished = True
        yield copy
        if finished:
            return
    raise AssertionError("the operation has more than 50 steps")


def test_a_checkpoint_survives_a_kill_between_any_two_steps(run, tmp_path, monkeypatch):
    old, new = {"step": 1, "w": torch.zeros(3)}, {"step": 2, "w": torch.ones(3)}
    run.save_checkpoint("03_search", old)
    seen = []
    for path in _states_after_every_step(lambda r: r.save_checkpoint("03_search", new), run, tmp_path, monkeypatch):
        with RunFolder.open(path) as again:
            state = again.load_checkpoint("03_search")
            assert len(list(path.glob("03_search/*"))) == 1
            again.save_checkpoint("03_search", {"step": 3})
            assert again.load_checkpoint("03_search") == {"step": 3}
        seen.append(state["step"])
    assert sorted(set(seen)) == [1, 2]
    assert seen == sorted(seen)


def test_a_replaced_file_survives_a_kill_between_any_two_steps(run, tmp_path, monkeypatch):
    run.write_text("a.txt", "old")
    seen = []
    for path in _states_after_every_step(lambda r: r.write_text("a.txt", "new"), run, tmp_path, monkeypatch):
        with RunFolder.open(path) as again:
            seen.append(again.read_text("a.txt"))
        assert (path / "MANIFEST.sha256").read_text().count("a.txt") == 1
        assert not list(path.glob("*tmp*"))
    assert set(seen) == {"old", "new"}


def test_overwriting_can_be_repeated_after_a_kill(run, tmp_path, monkeypatch):
    run.write_text("01_baseline/a.txt", "old")
    run.event("old")

    def overwrite(victim):
        victim._lock.release()
        RunFolder.create(victim.path, RunConfig(arch="alexnet"), overwrite=True)

    for path in _states_after_every_step(overwrite, run, tmp_path, monkeypatch):
        with RunFolder.create(path, RunConfig(arch="resnet18"), overwrite=True) as again:
            assert again.read_config().arch == "resnet18"
            assert not again.has("01_baseline/a.txt")
