"""One image folder and one finished run of the real command line, shared by all tests here."""

from dataclasses import replace
from pathlib import Path

import pytest

from compress.verdict.settings import VerifySettings
from exporters.measure.latency import LatencySettings
from tests.helpers.command import compress
from tests.helpers.images import write_image_folder
from tests.helpers.runs import tiny_flags


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    return write_image_folder(tmp_path_factory.mktemp("data") / "levels", train=100, test=30, size=24)


@pytest.fixture(scope="session")
def finished(images, tmp_path_factory) -> Path:
    """Treat it as read-only."""
    run = tmp_path_factory.mktemp("runs") / "whole [run]"
    done = compress("run", *tiny_flags(images, out=run))
    assert done.returncode == 0, done.stderr
    (run.parent / "stdout.txt").write_text(done.stdout)
    (run.parent / "stderr.txt").write_text(done.stderr)
    return run


@pytest.fixture
def short_timing(monkeypatch) -> None:
    """Latency is measured for a second, not for thirteen."""
    short = LatencySettings(rounds=4, min_pairs=8, min_seconds=0, max_seconds=0.1, warmup_seconds=0.01)
    monkeypatch.setattr(VerifySettings, "latency", property(lambda settings: replace(short, seed=settings.seed)))
