"""Stopped or killed anywhere, a resumed run ends as the undisturbed one did, bit for bit."""

import re
import shlex
import shutil
import signal

import pytest

from compress.errors import BadInputError, InterruptedRun
from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from compress.settings.config import build_config
from tests.helpers.command import compress, compress_process, compress_until
from tests.helpers.runs import StopAt, checksums, tiny_flags

pytestmark = pytest.mark.usefixtures("short_timing")

# In the middle of an epoch, at its last step (17), at the stage's last step (68, 34).
STOPS = [
    ("01_baseline", 1),
    ("01_baseline", 17),
    ("01_baseline", 20),
    ("02_original", 68),
    ("02_original", 0),  # it has no step left: the stop is before the next stage
    ("03_search", 9),
    ("03_search", 34),
    ("05_finetune", 33),
]


def test_a_run_stopped_in_every_stage_ends_as_the_undisturbed_one(finished, tmp_path):
    config = build_config({}, file=finished / "config.toml")  # which therefore runs again as it is
    run = tmp_path / "stopped"
    for index, stop in enumerate(STOPS):
        observer = StopAt(*stop)
        with pytest.raises(InterruptedRun, match="compress run --resume") as stopped:
            run_pipeline(
                config,
                out=run,
                mode="resume" if index else "new",
                observer=observer,
                should_stop=observer.should_stop,
            )
        assert stopped.value.exit_code == 143
    report = run_pipeline(config, out=run, mode="resume")
    assert checksums(run) == checksums(finished)
    assert (run / "config.toml").read_text() == (finished / "config.toml").read_text()
    assert [row.epochs for row in report.networks] == [8, 8]


def test_a_stop_between_stages_is_heeded_too(finished, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InterruptedRun) as stopped:
        run_pipeline(build_config({}, file=finished / "config.toml"), out=run, should_stop=lambda: 2)
    assert stopped.value.exit_code == 130
    assert RunFolder.open(run).read_config() == RunFolder.open(finished).read_config()
    assert not (run / "01_baseline").exists()


def test_signals_and_a_kill_of_the_real_command(images, finished, tmp_path):
    run = tmp_path / "a run; of mine"  # the command it prints has to quote this
    code, stderr = compress_until("baseline: begins", signal.SIGTERM, "run", *tiny_flags(images, out=run))
    assert code == 143, stderr
    assert "Traceback" not in stderr
    again = re.search(r"compress (run --resume .+)", stderr)
    assert again is not None, stderr

    code, stderr = compress_until("search: begins", signal.SIGINT, *shlex.split(again[1]))
    assert code == 130, stderr
    assert "Traceback" not in stderr
    assert again[0] in stderr

    code, stderr = compress_until("finetune: begins", signal.SIGKILL, *shlex.split(again[1]))
    assert code == -signal.SIGKILL, stderr
    assert not (run / "report.json").exists()

    run_pipeline(RunFolder.open(run).read_config(), out=run, mode="resume")
    assert checksums(run) == checksums(finished)


def test_a_run_is_used_by_one_process_at_a_time(finished):
    with RunFolder.open(finished):
        done = compress_process("run", "--resume", finished)
    assert done.returncode == 5
    assert "in use by another process" in done.stderr


def test_a_damaged_file_is_found_on_resume(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for name in ("artifacts/pruned.onnx", "03_search/plan.json", "05_finetune/weights.safetensors"):
        whole = (run / name).read_bytes()
        data = bytearray(whole)
        data[len(data) // 2] ^= 1
        (run / name).write_bytes(data)
        with pytest.raises(BadInputError, match=f"{name} was changed or damaged"):
            run_pipeline(RunFolder.open(run).read_config(), out=run, mode="resume")
        if not name.startswith("05"):
            (run / name).write_bytes(whole)
    done = compress("run", "--resume", run)
    assert done.returncode == 4
    assert f"{run}/05_finetune/weights.safetensors was changed or damaged" in done.stderr


def test_changed_images_are_found_on_resume(images, finished, tmp_path):
    data, run = tmp_path / "images", tmp_path / "run"
    shutil.copytree(images, data)
    config = build_config({"dataset": str(data)}, file=finished / "config.toml")
    observer = StopAt("01_baseline", 1)
    with pytest.raises(InterruptedRun):
        run_pipeline(config, out=run, observer=observer, should_stop=observer.should_stop)
    shutil.copy(data / "train/dark/0.png", data / "train/dark/1.png")
    done = compress("run", "--resume", run)
    assert done.returncode == 4
    assert f"the images of {data} are not those this run began with" in done.stderr
