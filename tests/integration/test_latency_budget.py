"""A run whose budget is a latency."""

from pathlib import Path

import pytest

from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from tests.helpers.runs import stop_run, tiny_config


@pytest.fixture
def quick_timing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and few samples that are timed for as short as can be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("compress.run.target.SAMPLES", 12)
    monkeypatch.setattr("compress.run.target.SECONDS", 0.0)
    monkeypatch.setattr("compress.run.target.NOISY", float("inf"))
    return tmp_path / "cache" / "compress" / "layer-times"


@pytest.mark.slow  # two runs and a minute of timings
def test_a_speed_up_is_asked_predicted_and_measured(images: Path, tmp_path: Path, quick_timing: Path, monkeypatch):
    config, run = tiny_config(images, target_speedup=1.1, align="auto", epochs=8), tmp_path / "run"
    stop_run(config, ("03_search", 3), out=run)
    assert len([*quick_timing.iterdir()]) == 1
    with monkeypatch.context() as resumed:
        resumed.setattr("compress.run.pipeline.find_target", None)  # a resumed run times no layers
        report = run_pipeline(config, out=run, mode="resume")
    latency = report.run.budget.latency
    assert report.run.budget.asked_macs is None
    assert (latency.asked, latency.asked_speedup) == ("speed-up", pytest.approx(1.1))
    assert latency.predicted_ms <= latency.asked_ms * (1 + 1e-9)
    assert latency.predicted_speedup >= 1.1 - 1e-9
    assert (latency.samples, latency.batch_size, latency.threads, latency.device) == (12, 1, 1, False)
    assert latency.checked_speedup > 0
    assert report.timings("pruned", against="original")[0].batch_size == 1
    text = (run / "report.md").read_text()
    assert "Latency budget" in text
    assert "1.10x as fast as the original (batch 1, 1 thread)" in text
    assert RunFolder.open(run).read_config().keep_macs is None
