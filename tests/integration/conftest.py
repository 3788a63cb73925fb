"""One image folder and one finished run of the real command line, made once for all tests and all workers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from compress.settings.verify import VerifySettings
from exporters.measure.latency import LatencySettings
from tests.helpers.command import compress
from tests.helpers.images import write_image_folder
from tests.helpers.runs import tiny_flags

SHORT = LatencySettings(rounds=4, min_pairs=8, min_seconds=0, max_seconds=0.1, warmup_seconds=0.01)


@pytest.fixture(scope="session")
def images(shared_folder) -> Path:
    """Treat it as read-only."""
    return shared_folder("images", lambda root: write_image_folder(root / "levels", train=100, test=30, size=24))


@pytest.fixture(scope="session")
def finished(images, shared_folder) -> Path:
    """Treat it as read-only."""

    def make(root: Path) -> Path:
        run = root / "whole [run]"
        with pytest.MonkeyPatch.context() as patch:
            shorten(patch)
            done = compress("run", *tiny_flags(images, out=run))
        assert done.returncode == 0, done.stderr
        (root / "stdout.txt").write_text(done.stdout)
        (root / "stderr.txt").write_text(done.stderr)
        return run

    return shared_folder("finished", make)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], Path]], Path]:
    """Makes a folder in the worker that asks first; the others wait for it and take it."""
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


@pytest.fixture
def short_timing(monkeypatch) -> None:
    """Latency is measured for a second, not for thirteen."""
    shorten(monkeypatch)


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Let every latency measurement take a tenth of a second, for as long as the patch lasts."""
    patch.setattr(VerifySettings, "latency", property(lambda settings: replace(SHORT, seed=settings.seed)))
