"""Stopped or killed anywhere, a resumed run ends as the undisturbed one did, bit for bit."""

import shutil
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from compress.errors import InterruptedRun
from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from compress.settings.config import build_config
from tests.helpers.command import compress, compress_process, compress_until
from tests.helpers.runs import checksums, flip_a_bit, stop_run

STOPS = {
    "original": [("02_original", 33), ("02_original", 0)],  # without a step left it stops before the next stage
    "search": [("03_search", 5), ("03_push", 16), ("03_push", 22)],
    "finetune": [("05_finetune", 10)],
}
"""After the real command was stopped at a stage's start: in the middle of an epoch, or at the stage's last step."""


@pytest.mark.slow
def test_a_run_stopped_and_killed_in_every_stage_ends_as_the_undisturbed_one(finished, tmp_path):
    run = tmp_path / "a run; of mine"  # the command it prints has to quote this
    config = build_config({}, file=finished / "config.toml")
    stop_run(config, ("01_baseline", 1), out=run)
    for step in (11, 13):  # the last of an epoch, one within the next
        stop_run(config, ("01_baseline", step), out=run, mode="resume")
    for (stage, stops), number in zip(STOPS.items(), (SIGTERM, SIGINT, SIGKILL), strict=True):
        code, stderr = compress_until(f"{stage}: begins", number, "run", "--resume", run)
        assert code == (-SIGKILL if number == SIGKILL else 128 + number), stderr
        assert "Traceback" not in stderr
        assert number == SIGKILL or f"Go on with: compress run --resume '{run}'" in stderr
        for stop in stops:
            stop_run(config, stop, out=run, mode="resume")
    assert not (run / "report.json").exists()
    report = run_pipeline(config, out=run, mode="resume")
    assert checksums(run) == checksums(finished)
    assert (run / "config.toml").read_text() == (finished / "config.toml").read_text()
    assert [row.epochs for row in report.networks] == [6, 6]


def test_a_stop_between_stages_is_heeded_too(finished, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InterruptedRun) as stopped:
        run_pipeline(build_config({}, file=finished / "config.toml"), out=run, should_stop=lambda: 2)
    assert stopped.value.exit_code == 130
    assert RunFolder.open(run).read_config() == RunFolder.open(finished).read_config()
    assert not (run / "01_baseline").exists()


def test_a_run_is_used_by_one_process_at_a_time(finished):
    with RunFolder.open(finished):
        done = compress_process("run", "--resume", finished)
    assert done.returncode == 5
    assert "in use by another process" in done.stderr


def test_a_damaged_file_is_found_on_resume(run):
    for name in ("artifacts/pruned.onnx", "03_search/plan.json", "05_finetune/weights.safetensors"):
        flip_a_bit(run / name)
        done = compress("run", "--resume", run)
        assert done.returncode == 4
        assert f"{run}/{name} was changed or damaged" in done.stderr
        flip_a_bit(run / name)


def test_changed_images_are_found_on_resume(images, finished, tmp_path):
    data, run = shutil.copytree(images, tmp_path / "images"), tmp_path / "run"
    stop_run(build_config({"dataset": str(data)}, file=finished / "config.toml"), ("01_baseline", 1), out=run)
    shutil.copy(data / "train/dark/0.png", data / "train/dark/1.png")
    done = compress("run", "--resume", run)
    assert done.returncode == 4
    assert f"the images of {data} are not those this run began with" in done.stderr


@pytest.mark.slow
def test_export_and_verify_stop_at_once_and_are_made_anew(run, finished):
    with RunFolder.open(run) as folder:
        made = [name for name in folder._manifest.entries if name.startswith(("06_export", "07_verify", "report"))]
        folder.change({}, without=made)
    for stage, number in (("export", SIGTERM), ("verify", SIGINT)):
        code, stderr = compress_until(f"{stage}: begins", number, "run", "--resume", run)
        assert code == 128 + number, stderr
        assert f"Go on with: compress run --resume {run}" in stderr
        assert RunFolder.open(run).is_finished("06_export") == (stage == "verify")
    for command in ("export", "verify"):
        before = (run / "MANIFEST.sha256").read_text()
        code, stderr = compress_until(f"{command}: begins", SIGTERM, command, run, *["--int8"][: command == "export"])
        assert (code, stderr.splitlines()[-1]) == (143, "stopped")
        assert (run / "MANIFEST.sha256").read_text() == before
    assert compress("run", "--resume", run).returncode == 0
    assert checksums(run) == checksums(finished)
