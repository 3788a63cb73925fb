"""A run whose budget is a latency."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from compress.export.export_run import add_variants
from compress.kit.layers import layer_files
from compress.race.cells import RaceSettings
from compress.race.runner import run_race
from compress.run.pipeline import prepare, run_pipeline
from compress.run.target import find_target
from compress.runs import RunFolder
from compress.runs.file_records import recorded_files
from compress.settings.export import ExportSettings
from exporters.measure.layer_times import SCHEMA, LayerTimes, SampleFile, TimingLimits, time_samples
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
    assert RunFolder.open(run).load_tensors("03_search/keys.safetensors")["keys"].isfinite().all()  # for a second cut
    assert report.timings("pruned", against="original")[0].batch_size == 1
    text = (run / "report.md").read_text()
    assert "Latency budget" in text
    assert "1.10x as fast as the original (batch 1, 1 thread)" in text
    assert RunFolder.open(run).read_config().keep_macs is None


@pytest.mark.slow  # two cells and a minute of timings
@pytest.mark.usefixtures("quick_timing")
def test_cells_at_one_latency_share_a_model_and_scratch_trains_the_leaders_shape(images: Path, tmp_path: Path):
    """How small it becomes depends on the timings, which are rough here: it may be too small to learn."""
    base = tiny_config(images, align="auto", epochs=8)
    race = RaceSettings(base=base, methods=("l1", "scratch"), target_speedup=(1.1,), seeds=(0,))
    report = run_race(race, folder=tmp_path / "race")
    assert [cell.folder for cell in report.cells] == ["cells/l1-1.1x-seed0", "cells/scratch-1.1x-seed0"]
    assert {cell.outcome for cell in report.cells} <= {"finished", "diverged"}
    for name in ("latency.json", "04_remove/plan.json"):
        leader, scratch = ((tmp_path / "race" / cell.folder / name).read_bytes() for cell in report.cells)
        assert leader == scratch
    assert not (tmp_path / "race" / report.cells[1].folder / "04_remove/latency.json").exists()  # it is not cut again


@pytest.mark.slow  # a run and half a minute of timings
@pytest.mark.usefixtures("quick_timing")
def test_a_speed_up_in_int8_is_that_of_the_int8_file(images: Path, tmp_path: Path, monkeypatch):
    def slow_original(*arguments):
        """As on a processor where INT8 alone is twice as fast: whether it is on this one is not the question."""
        target = find_target(*arguments)
        return replace(target, latency=replace(target.latency, original_ms=2 * target.facts.whole_ms))

    monkeypatch.setattr("compress.run.pipeline.find_target", slow_original)
    config = tiny_config(images, target_speedup=2.4, target_precision="int8", align="auto", epochs=8)
    report = run_pipeline(config, out=tmp_path / "run")
    latency = report.run.budget.latency
    assert (latency.precision, latency.asked_speedup) == ("int8", pytest.approx(2.4))
    assert latency.predicted_speedup >= 2.4 - 1e-9
    assert latency.checked_speedup > 0
    assert [row.label for row in report.networks if row.precision == "int8"] == ["pruned int8"]
    assert report.timings("pruned int8", against="original")[0].batch_size == 1
    text = (tmp_path / "run" / "report.md").read_text()
    assert "2.40x as fast as the original in INT8 (batch 1, 1 thread)" in text
    assert "pruned in INT8, ms" in text
    RunFolder.open(tmp_path / "run").check_all()


@pytest.mark.slow  # a run, half a minute of timings, two INT8 files
@pytest.mark.usefixtures("quick_timing")
def test_a_device_s_int8_table_decides_for_which_processor_the_file_is(images: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("compress.kit.layers.SAMPLES", 12)
    config = tiny_config(images, align="auto", epochs=8)
    samples = layer_files(*prepare(config), int8_for="arm")
    files = [SampleFile(data, hashlib.sha256(data).hexdigest()) for data in samples.files.values()]
    reference, *rows = time_samples(files, TimingLimits(seconds=0.0))
    scale = 0.5 * rows[0].reference_ms / rows[0].whole_ms  # on the board INT8 alone is twice as fast
    faster = [replace(row, whole_ms=scale * row.whole_ms) for row in rows]
    made = LayerTimes(SCHEMA, {"cpu": "A board"}, {"onnxruntime": "1"}, 1, 1, (reference, *faster), int8_for="arm")
    table, run = tmp_path / "device-layers.json", tmp_path / "run"
    table.write_text(made.to_json())
    wanted = {"target": table, "target_precision": "int8", "target_speedup": 2.4}
    report = run_pipeline(config.model_copy(update=wanted), out=run)
    latency = report.run.budget.latency
    assert (latency.device, latency.int8_for, latency.machine) == (True, "arm", {"cpu": "A board"})
    assert "as fast as the original in INT8 for ARM" in (run / "report.md").read_text()
    add_variants(run, ExportSettings(int8=True, calibration="minmax", float_layers=(), calibration_images=8))
    for file in recorded_files(RunFolder.open(run)):
        assert file.quantization is None or file.quantization.activations == "int8"
    assert [file.label for file in recorded_files(RunFolder.open(run)) if file.quantization] == [
        "original int8", "pruned int8",
    ]  # fmt: skip
