"""Races on tiny images: cells are ordinary runs, work is shared, a race goes on where it was."""

import json
import shutil
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from compress.cli.main import app
from compress.errors import BadInputError, InterruptedRun, UsageError
from compress.race.cells import Cell, RaceSettings
from compress.race.runner import Watch, run_race
from compress.report.race.documents import read_race
from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from compress.structure.plan import PruningPlan
from tests.helpers.command import compress_until
from tests.helpers.runs import StopAt, checksums, tiny_config, tiny_flags

pytestmark = pytest.mark.usefixtures("short_timing")
TRAINED = "05_finetune/weights.safetensors"


class Recorder:
    """Watches a race; ``titles`` are those of the cells that ran, without what they say of the time."""

    def __init__(self, stop: StopAt | None = None) -> None:
        self.titles: list[str] = []
        self.notes: list[str] = []
        self._observer = stop or StopAt("never", 0)

    @contextmanager
    def cell(self, title, work):
        self.titles.append(title.partition(";")[0])
        assert set(work) >= {"01_baseline", "05_finetune"}
        yield self._observer

    @property
    def watch(self) -> Watch:
        return Watch(self.cell, self.notes.append, self._observer.should_stop)


def test_a_race_of_runs(images, finished, tmp_path):
    """The race finds a run that was made by hand, takes its original, is stopped, goes on, and is then read only."""
    shutil.copytree(finished, tmp_path / "cells/edropout-50-seed0")
    race = RaceSettings(tiny_config(images), ("edropout", "l1", "bn-scale"), (0.5,), (0,))
    stopped = Recorder(StopAt("05_finetune", 20))
    with pytest.raises(InterruptedRun, match="Go on with the same command") as stop:
        run_race(race, folder=tmp_path, watch=stopped.watch)
    assert stop.value.exit_code == 143
    assert stopped.titles == ["cell 2/3: l1, 50 % of the MACs, seed 0"]
    assert [cell.outcome for cell in read_race(tmp_path).cells] == ["finished", "waiting", "waiting"]

    again = Recorder()
    report = run_race(race, folder=tmp_path, watch=again.watch)
    assert again.titles == ["cell 2/3: l1, 50 % of the MACs, seed 0", "cell 3/3: bn-scale, 50 % of the MACs, seed 0"]
    assert [cell.outcome for cell in report.cells] == ["finished", "finished", "not applicable"]
    assert "BatchNorm" in report.cells[2].reason
    assert again.notes == [f"bn-scale, 50 % of the MACs, seed 0: not applicable: {report.cells[2].reason}"]
    assert checksums(tmp_path / "cells/edropout-50-seed0") == checksums(finished)

    l1 = tmp_path / "cells/l1-50-seed0"
    events = [json.loads(line) for line in (l1 / "events.jsonl").read_text().splitlines()]
    taken = [(event["stage"], event["run"]) for event in events if event["kind"] == "stage taken"]
    assert taken == [("01_baseline", "edropout-50-seed0"), ("02_original", "edropout-50-seed0")]
    own = RunFolder.open(l1)
    own.check_all()
    result, made = report.cells[1].result, json.loads((l1 / "report.json").read_text())
    assert result.top1.value == made["networks"][1]["accuracy"]["top1"]["value"]
    assert bytes.fromhex(result.right)[0] >> 7 in (0, 1)
    assert sum(map(int, f"{int(result.right, 16):b}")) == result.top1.hits  # one bit an image that is right
    assert {(row["comparison"]["batch_size"], row["comparison"]["threads"]) for row in made["latency"]} == {(1, 1)}

    alone = tmp_path / "alone"
    observer = StopAt("06_export", 0)
    with pytest.raises(InterruptedRun):
        run_pipeline(
            race.config(Cell("l1", 0.5, 0), folder=tmp_path),
            out=alone,
            observer=observer,
            should_stop=observer.should_stop,
        )
    assert (alone / TRAINED).read_bytes() == (l1 / TRAINED).read_bytes()  # as if nothing had been shared
    assert (alone / "config.toml").read_bytes() == (l1 / "config.toml").read_bytes()

    once_more = Recorder()
    read = run_race(race, folder=tmp_path, watch=once_more.watch)
    assert once_more.titles == ["cell 3/3: bn-scale, 50 % of the MACs, seed 0"]  # quick to find out again
    assert read.cells == report.cells
    (tmp_path / "race.json").unlink()
    assert run_race(race, folder=tmp_path, watch=Recorder().watch).cells == report.cells  # from the runs alone


@pytest.mark.slow
def test_scratch_trains_the_leaders_shape_for_all_the_epochs(images, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "cells/edropout-50-seed0")
    race = RaceSettings(tiny_config(images), ("scratch", "edropout"), (0.5,), (0,))
    report = run_race(race, folder=tmp_path)
    assert [(cell.method, cell.outcome) for cell in report.cells] == [("edropout", "finished"), ("scratch", "finished")]
    plans = [tmp_path / f"cells/{method}-50-seed0/04_remove/plan.json" for method in ("edropout", "scratch")]
    edropout, scratch = (PruningPlan.from_json(path.read_text()) for path in plans)
    assert scratch == edropout
    epochs = json.loads((tmp_path / "cells/scratch-50-seed0/05_finetune/history.json").read_text())
    assert len(epochs) == 8  # 4 + 2 + 2


@pytest.mark.slow
def test_scratch_does_not_keep_the_shape_of_another_method(images, finished, tmp_path):
    """A race that grows by another leader trains that one's shape, with an original that is there already."""
    base = tiny_config(images)
    run_race(RaceSettings(base, ("l1", "scratch"), (0.5,), (0,)), folder=tmp_path)
    shutil.copytree(finished, tmp_path / "cells/edropout-50-seed0")
    shapes = [tmp_path / f"cells/{method}-50-seed0/04_remove/plan.json" for method in ("l1", "edropout", "scratch")]
    l1, edropout, scratch = (path.read_text() for path in shapes)
    assert scratch == l1 != edropout
    grown, recorder = RaceSettings(base, ("edropout", "l1", "scratch"), (0.5,), (0,)), Recorder()
    report = run_race(grown, folder=tmp_path, watch=recorder.watch)
    assert recorder.titles == ["cell 3/3: scratch, 50 % of the MACs, seed 0"]
    assert recorder.notes == [
        "scratch, 50 % of the MACs, seed 0: its shape is not the one that edropout found: made anew"
    ]
    assert shapes[2].read_text() == edropout
    assert {cell.outcome for cell in report.cells} == {"finished"}
    events = (tmp_path / "cells/scratch-50-seed0/events.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["kind"] == "stage taken" for line in events) == 2
    once_more = Recorder()
    assert run_race(grown, folder=tmp_path, watch=once_more.watch).cells == report.cells
    assert (once_more.titles, once_more.notes) == ([], [])


@pytest.mark.parametrize("name", ["report.json", "config.toml", "MANIFEST.sha256"])
def test_a_damaged_cell_fails_alone_and_says_what_to_do(images, finished, tmp_path, name):
    folders = [tmp_path / f"cells/{method}-50-seed0" for method in ("edropout", "l1")]
    for folder in folders:
        shutil.copytree(finished, folder)
    race = RaceSettings(tiny_config(images), ("edropout", "l1"), (0.5,), (0,))
    whole = run_race(race, folder=tmp_path)
    (folders[0] / name).write_text("damaged")
    recorder = Recorder()
    report = run_race(race, folder=tmp_path, watch=recorder.watch)
    assert [cell.outcome for cell in report.cells] == ["failed", "finished"]
    advice = f"delete the folder {folders[0]} and run the same command: only this cell is made anew"
    assert report.cells[0].reason.endswith(advice)
    assert recorder.notes == [f"edropout, 50 % of the MACs, seed 0: failed: {report.cells[0].reason}"]
    assert recorder.titles == []
    assert report.cells[1] == whole.cells[1]
    shutil.rmtree(folders[0])
    shutil.copytree(finished, folders[0])
    assert run_race(race, folder=tmp_path).cells == whole.cells


def test_a_divergence_is_a_result_and_is_not_tried_again(tmp_path):
    """The classes look the same: no network can leave chance."""
    for split, count in (("train", 24), ("test", 4)):
        for name in ("one", "other"):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(np.full((16, 16), 10 * index % 256, dtype=np.uint8)).save(folder / f"{index}.png")
    base = tiny_config(tmp_path / "images", baseline_epochs=1, search_epochs=1, finetune_epochs=1)
    race = RaceSettings(base, ("l1", "scratch", "random"), (0.5,), (0,))
    recorder = Recorder()
    report = run_race(race, folder=tmp_path / "race", watch=recorder.watch)
    assert [(cell.method, cell.outcome) for cell in report.cells] == [
        ("l1", "diverged"), ("random", "diverged"), ("scratch", "not applicable"),
    ]  # fmt: skip
    assert "has not left chance" in report.cells[0].reason
    assert report.cells[1].reason == report.cells[0].reason
    assert not (tmp_path / "race/cells/random-50-seed0").exists()  # the same original, not trained again
    assert report.cells[2].reason == "there is no shape to train: l1 has found none at this budget and seed"
    assert "diverged" in (tmp_path / "race/race.md").read_text()
    again = Recorder()
    assert run_race(race, folder=tmp_path / "race", watch=again.watch).cells == report.cells
    assert again.titles == []


def test_the_real_command_stops_as_run_does(images, tmp_path):
    folder = tmp_path / "race"
    flags = [*tiny_flags(images), "--methods", "l1,taylor", "--keep-macs", "0.5,0.4", "--seeds", "1", "--out", folder]
    code, stderr = compress_until("baseline: begins", signal.SIGTERM, "race", *flags)
    assert code == 143, stderr
    assert "Cell 1/4: l1, 50 % of the MACs, seed 0" in stderr
    assert "Go on with the same command" in stderr
    assert "Traceback" not in stderr
    assert (folder / "cells/l1-50-seed0/config.toml").exists()


def test_a_dry_run_says_what_will_run_and_writes_nothing(images, tmp_path):
    flags = [*tiny_flags(images), "--methods", "l1,bn-scale,taylor", "--keep-macs", "0.5,0.4", "--seeds", "1"]
    done = CliRunner().invoke(app, ["race", *flags, "--out", str(tmp_path / "race"), "--dry-run"])
    assert done.exception is None, done.exception
    assert "cells      4: l1-50-seed0, taylor-50-seed0, l1-40-seed0, taylor-40-seed0" in done.stdout
    assert "not bn-scale: method bn-scale needs a BatchNorm" in done.stdout
    assert not (tmp_path / "race").exists()


def test_faults_of_the_whole_race_leave_nothing(images, tmp_path):
    folder = tmp_path / "race"
    cases = {
        ("--methods", "l1,magic"): "--methods: expected 'edropout'",
        ("--keep-macs", "half"): "expected fractions such as 0.5,0.25",
        ("--seeds", "none"): "expected a number of seeds",
        ("--seeds", "0"): "expected seeds that differ, at least one",
        ("--dataset", str(images / "nowhere")): "nowhere",
    }
    for flags, message in cases.items():
        done = CliRunner().invoke(app, ["race", *tiny_flags(images), "--out", str(folder), *flags])
        assert isinstance(done.exception, UsageError | BadInputError)
        assert message in str(done.exception)
        assert not folder.exists()
