"""What a kill leaves of a run folder, at every single file operation."""

import shutil
import subprocess

import torch

from compress.race.folders import state_of
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from tests.helpers.forks import kill_before, states_of_kills


def killed_at_every_step(operation, run, tmp_path):
    run._lock.release()
    return states_of_kills(operation, run.path, tmp_path)


def within(change):
    def operation(path):
        with RunFolder.open(path) as run:
            change(run)

    return operation


def check_as_sha256sum(path):
    """``sha256sum -c``; without a line there is nothing to check."""
    if any(not line.startswith("#") for line in (path / "MANIFEST.sha256").read_text().splitlines()):
        subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "MANIFEST.sha256"], cwd=path, check=True)


def files(path):
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def test_a_checkpoint_is_the_old_or_the_new_one(run, tmp_path):
    old, new = {"step": 1, "w": torch.zeros(3)}, {"step": 2, "w": torch.ones(3)}
    run.save_checkpoint("03_search", old)
    seen = []
    for path in killed_at_every_step(within(lambda r: r.save_checkpoint("03_search", new)), run, tmp_path):
        check_as_sha256sum(path)
        readable = RunFolder.open(path).load_checkpoint("03_search")["step"]
        with RunFolder.open(path) as again:
            state = again.load_checkpoint("03_search")
            assert state["step"] == readable
            assert len(list(path.glob("03_search/*"))) == 1
            again.save_checkpoint("03_search", {"step": 3})
            assert again.load_checkpoint("03_search") == {"step": 3}
        seen.append(state["step"])
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}


def test_several_files_change_together(run, tmp_path):
    run.change({"a.txt": b"old", "b/c.txt": b"old"})

    def operation(again):
        again.change({"a.txt": b"new", "b/c.txt": b"new", "d/e.txt": b"new"}, without=["config.toml"])

    seen = []
    for path in killed_at_every_step(within(operation), run, tmp_path):
        check_as_sha256sum(path)
        found = RunFolder(path)
        found._manifest = found._manifest.read(path)
        contents = [found.read_bytes(name) for name in ("a.txt", "b/c.txt")]
        with found:
            assert [found.read_bytes(name) for name in ("a.txt", "b/c.txt")] == contents
            assert found.has("d/e.txt") == (contents[0] == b"new") == (not found.has("config.toml"))
        assert len(set(contents)) == 1
        assert set(files(path)) == {*found._manifest.entries, ".lock", "MANIFEST.sha256"}
        check_as_sha256sum(path)
        seen.append(contents[0])
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {b"old", b"new"}


def test_a_real_kill_leaves_what_the_copies_show(run, tmp_path):
    run.write_text("a.txt", "old")
    operation, begun = within(lambda r: r.write_text("a.txt", "new")), tmp_path / "begun"
    shutil.copytree(run.path, begun)
    for step, copy in enumerate(killed_at_every_step(operation, run, tmp_path)):
        if step % 4 == 2:
            killed = shutil.copytree(begun, tmp_path / f"really-{step}")
            kill_before(step, lambda killed=killed: operation(killed))
            assert files(killed) == files(copy)
            assert (killed / "MANIFEST.sha256").read_text() == (copy / "MANIFEST.sha256").read_text()


def test_a_finished_stage_has_no_checkpoint(run, tmp_path):
    run.save_checkpoint("03_search", {"step": 1})
    for path in killed_at_every_step(within(lambda r: r.finish("03_search", 1.0)), run, tmp_path):
        with RunFolder.open(path) as again:
            left = list(path.glob("03_search/checkpoint-*"))
            assert again.is_finished("03_search") == (not left)
            assert (again.load_checkpoint("03_search") is None) == (not left)


def test_overwriting_can_be_repeated(run, tmp_path):
    run.write_text("01_baseline/a.txt", "old")
    run.event("old")

    def overwrite(path):
        RunFolder.create(path, RunConfig(arch="alexnet"), overwrite=True)

    for path in killed_at_every_step(overwrite, run, tmp_path):
        check_as_sha256sum(path)
        assert state_of(path) in ("new", "resume")  # as a race asks
        with RunFolder.create(path, RunConfig(arch="resnet18"), overwrite=True) as again:
            assert again.read_config().arch == "resnet18"
        assert files(path) == [".lock", "MANIFEST.sha256", "config.toml"]


def test_creating_can_be_repeated(tmp_path, run):
    def create(path):
        RunFolder.create(path / "new", RunConfig(arch="alexnet"), overwrite=False)

    for path in killed_at_every_step(create, run, tmp_path):
        RunFolder.create(path / "new", RunConfig(arch="resnet18"), overwrite=True)
        assert files(path / "new") == [".lock", "MANIFEST.sha256", "config.toml"]
