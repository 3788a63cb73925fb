"""One image folder and one finished run of the real command line, made once for all tests and all workers."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from compress.run.pipeline import run_pipeline
from compress.settings.verify import VerifySettings
from exporters.measure.latency import LatencySettings
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder
from tests.helpers.runs import small_config, tiny_flags

SHORT = LatencySettings(rounds=4, min_pairs=8, min_seconds=0, max_seconds=0.1, warmup_seconds=0.01)


@pytest.fixture(scope="session")
def images(shared_folder) -> Path:
    """Treat it as read-only."""
    return shared_folder("images", lambda root: write_image_folder(root / "levels", train=60, test=30, size=24))


def run_beside_its_output(run: Path, *flags: object) -> Path:
    """Make a run; what the command writes is in ``stdout`` and ``stderr`` beside its folder."""
    done = compress("run", *flags)
    assert done.returncode == 0, done.stderr
    (run.parent / "stdout").write_text(done.stdout)
    (run.parent / "stderr").write_text(done.stderr)
    return run


@pytest.fixture(scope="session")
def finished(images, shared_folder) -> Path:
    """Treat it as read-only."""

    def make(root: Path) -> Path:
        run = root / "whole [run]"
        with short_latency():
            return run_beside_its_output(run, *tiny_flags(images, out=run), "--tensorboard", root / "curves")

    return shared_folder("finished", make)


@pytest.fixture(scope="session")
def small_finished(images, shared_folder) -> Path:
    """A finished run of the small network. Treat it as read-only."""

    def make(root: Path) -> Path:
        with short_latency():
            run_pipeline(small_config(images), out=root / "run")
        return root / "run"

    return shared_folder("small", make)


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the finished run that a test may change."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], Path]], Path]:
    """Makes a folder in the worker that asks first; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent

    def shared(name: str, make: Callable[[Path], Path]) -> Path:
        root, made = base / f"shared-{name}", base / f"shared-{name}.txt"
        with FileLock(f"{root}.lock"):
            if not made.exists():
                root.mkdir()
                made.write_text(str(make(root)))
        return Path(made.read_text())

    return shared


@pytest.fixture(scope="package", autouse=True)
def short_timing() -> Iterator[None]:
    """In this package a latency measurement takes a tenth of a second."""
    with short_latency():
        yield


@contextmanager
def short_latency() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VerifySettings, "latency", property(lambda settings: replace(SHORT, seed=settings.seed)))
        yield
