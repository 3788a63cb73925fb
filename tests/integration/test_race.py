"""Races on tiny images: cells are ordinary runs, work is shared, a race goes on where it was."""

import json
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from compress.errors import InterruptedRun
from compress.race.cells import Cell, RaceSettings
from compress.race.runner import Watch, run_race
from compress.report.model import parse_report
from compress.report.race.budget import CellBudget
from compress.report.race.document import read_race
from compress.report.race.model import CellResult
from compress.runs import RunFolder
from tests.helpers.command import compress, compress_until
from tests.helpers.runs import StopAt, checksums, small_config, stop_run, tiny_config, tiny_flags, whole_network

HALF = CellBudget("keep_macs", 0.5)
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


def test_a_race_of_runs(images, small_finished, tmp_path):
    """The race finds a run that was made by hand, takes its original, is stopped twice, and is then only read."""
    shutil.copytree(small_finished, tmp_path / "cells/edropout-50-seed0")
    race = RaceSettings(
        base=small_config(images), methods=("edropout", "thinet", "bn-scale", "scratch"), keep_macs=(0.5,), seeds=(0,)
    )
    thinet, bn_scale, scratch = (
        f"cell {number}/4: {method}, 50 % of the MACs, seed 0"
        for number, method in ((2, "thinet"), (3, "bn-scale"), (4, "scratch"))
    )
    stopped = _stop_race(race, tmp_path, at=("03_search", 5))  # while thinet's network is trained before its choice
    assert stopped.titles == [thinet]
    assert [cell.outcome for cell in read_race(tmp_path).cells] == ["finished", "waiting", "waiting", "waiting"]
    stopped = _stop_race(race, tmp_path, at=("05_finetune", 30))  # thinet has 22 steps
    assert stopped.titles == [thinet, bn_scale, scratch]

    again = Recorder()
    report = run_race(race, folder=tmp_path, watch=again.watch)
    assert again.titles == [bn_scale, scratch]
    assert [cell.outcome for cell in report.cells] == ["finished", "finished", "not applicable", "finished"]
    assert "BatchNorm" in report.cells[2].reason
    assert again.notes == [f"bn-scale, 50 % of the MACs, seed 0: not applicable: {report.cells[2].reason}"]
    assert checksums(tmp_path / "cells/edropout-50-seed0") == checksums(small_finished)
    _check_thinet(tmp_path / "cells/thinet-50-seed0", report.cells[1].result)
    _check_scratch(tmp_path / "cells/scratch-50-seed0", small_finished)

    alone = tmp_path / "alone"
    stop_run(race.config(Cell("thinet", HALF, 0), folder=tmp_path), ("06_export", 0), out=alone)
    for name in (TRAINED, "config.toml"):  # as if nothing had been shared
        assert (alone / name).read_bytes() == (tmp_path / "cells/thinet-50-seed0" / name).read_bytes()

    once_more = Recorder()
    read = run_race(race, folder=tmp_path, watch=once_more.watch)
    assert once_more.titles == [bn_scale]  # quick to find out again
    assert read.cells == report.cells
    (tmp_path / "race.json").unlink()
    assert run_race(race, folder=tmp_path).cells == report.cells  # from the runs alone


def _stop_race(race: RaceSettings, folder: Path, *, at: tuple[str, int]) -> Recorder:
    """Stop a race after one step of a stage."""
    recorder = Recorder(StopAt(*at))
    with pytest.raises(InterruptedRun, match="Go on with the same command") as stop:
        run_race(race, folder=folder, watch=recorder.watch)
    assert stop.value.exit_code == 143
    return recorder


def _check_thinet(run: Path, result: CellResult) -> None:
    """It takes the leader's original and trains a copy of the baseline until half way to the cut."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    taken = [(event["stage"], event["run"]) for event in events if event["kind"] == "stage taken"]
    assert taken == [("01_baseline", "edropout-50-seed0"), ("02_original", "edropout-50-seed0")]
    folder = RunFolder.open(run)
    folder.check_all()
    report = parse_report((run / "report.json").read_text(), source="report.json")
    assert report.candidate.kept_macs <= 0.5
    assert [row.epochs for row in report.networks] == [6, 6]
    assert report.run.method == "thinet"
    assert "pruned by ThiNet" in (run / "MODEL_CARD.md").read_text()
    assert (report.run.search.history, report.run.search.converged_at) == ((), None)
    epochs = {stage: [row["epoch"] for row in rows] for stage, rows in report.run.training.items()}
    assert epochs == {"01_baseline": [1, 2, 3], "02_original": [4, 5, 6], "03_search": [4], "05_finetune": [5, 6]}
    before, searched = (folder.load_tensors(f"{stage}/weights.safetensors") for stage in ("01_baseline", "03_search"))
    changed = {name for name in before if not torch.equal(before[name], searched[name])}
    assert "2.weight" in changed
    assert result.top1.value == report.candidate.accuracy.top1.value
    assert bytes.fromhex(result.right)[0] >> 7 in (0, 1)
    assert sum(map(int, f"{int(result.right, 16):b}")) == result.top1.hits  # one bit for each image that is right
    assert {(row.comparison.batch_size, row.comparison.threads) for row in report.latency} == {(1, 1)}


def _check_scratch(run: Path, leader: Path) -> None:
    """It trains the leader's shape from fresh weights for all the epochs."""
    folder, theirs = RunFolder.open(run), RunFolder.open(leader)
    assert folder.read_text("04_remove/plan.json") == theirs.read_text("04_remove/plan.json")
    report = parse_report((run / "report.json").read_text(), source="report.json")
    assert len(report.run.training["05_finetune"]) == 6
    assert [row.epochs for row in report.networks] == [6, 6]
    assert report.candidate.macs == theirs.read_json("report.json")["networks"][1]["macs"]
    start = whole_network(run, "03_search/weights.safetensors").state_dict()
    trained = folder.load_tensors("01_baseline/weights.safetensors")
    assert not any(torch.equal(start[name], trained[name]) for name in trained if name.endswith("weight"))


@pytest.mark.slow
def test_scratch_does_not_keep_the_shape_of_another_method(images, finished, tmp_path):
    """A race that grows by another leader trains that one's shape, with an original that is there already."""
    base = tiny_config(images)
    run_race(RaceSettings(base=base, methods=("thinet", "scratch"), keep_macs=(0.5,), seeds=(0,)), folder=tmp_path)
    shutil.copytree(finished, tmp_path / "cells/edropout-50-seed0")
    shapes = [tmp_path / f"cells/{method}-50-seed0/04_remove/plan.json" for method in ("thinet", "edropout", "scratch")]
    thinet, edropout, scratch = (path.read_text() for path in shapes)
    assert scratch == thinet != edropout
    grown = RaceSettings(base=base, methods=("edropout", "thinet", "scratch"), keep_macs=(0.5,), seeds=(0,))
    recorder = Recorder()
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
    assert once_more.titles + once_more.notes == []


def test_a_damaged_cell_fails_alone_and_says_what_to_do(images, finished, tmp_path):
    folders = [tmp_path / f"cells/{method}-50-seed0" for method in ("edropout", "l1")]
    for folder in folders:
        shutil.copytree(finished, folder)
    race = RaceSettings(base=tiny_config(images), methods=("edropout", "l1"), keep_macs=(0.5,), seeds=(0,))
    whole = run_race(race, folder=tmp_path)
    for name in ("report.json", "config.toml", "MANIFEST.sha256"):
        (folders[0] / name).write_text("damaged")
        recorder = Recorder()
        report = run_race(race, folder=tmp_path, watch=recorder.watch)
        assert [cell.outcome for cell in report.cells] == ["failed", "finished"]
        advice = f"delete the folder {folders[0]} and run the same command: only this cell is made anew"
        assert report.cells[0].reason.endswith(advice)
        assert recorder.notes == [f"edropout, 50 % of the MACs, seed 0: failed: {report.cells[0].reason}"]
        assert recorder.titles == []
        assert report.cells[1] == whole.cells[1]
        shutil.copy(finished / name, folders[0] / name)
        assert run_race(race, folder=tmp_path).cells == whole.cells


def test_a_divergence_is_a_result_and_is_not_tried_again(tmp_path):
    """The classes look the same: no network can leave chance."""
    for folder in (tmp_path / "images" / place for place in ("train/one", "train/other", "test/one", "test/other")):
        folder.mkdir(parents=True)
        for index in range(24):
            Image.fromarray(np.full((16, 16), 10 * index, dtype=np.uint8)).save(folder / f"{index}.png")
    base = tiny_config(tmp_path / "images", epochs=2, search_start=1, search_end=2)
    race = RaceSettings(base=base, methods=("l1", "scratch", "random"), keep_macs=(0.5,), seeds=(0,))
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
    flags = [*tiny_flags(images), "--methods", "l1,taylor", "--keep-macs", "0.5", "--seeds", "1", "--out", folder]
    code, stderr = compress_until("baseline: begins", signal.SIGTERM, "race", *flags)
    assert code == 143, stderr
    assert "Cell 1/2: l1, 50 % of the MACs, seed 0" in stderr
    assert "Go on with the same command" in stderr
    assert "Traceback" not in stderr
    assert (folder / "cells/l1-50-seed0/config.toml").exists()


def test_a_dry_run_and_faults_of_the_whole_race_leave_nothing(images, tmp_path):
    flags = ["race", *tiny_flags(images), "--methods", "l1,bn-scale,taylor", "--keep-macs", "0.5,0.4", "--seeds", "1"]
    flags += ["--out", tmp_path / "race"]
    done = compress(*flags, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "cells      4: l1-50-seed0, taylor-50-seed0, l1-40-seed0, taylor-40-seed0" in done.stdout
    assert "not bn-scale: method bn-scale needs a BatchNorm" in done.stdout
    for wrong, code, message in (
        (("--seeds", "0"), 2, "--seeds: expected at least one, all different"),
        (("--dataset", images / "nowhere"), 4, "nowhere"),
    ):
        done = compress(*flags, *wrong)
        assert done.returncode == code
        assert message in done.stderr
    assert not (tmp_path / "race").exists()
