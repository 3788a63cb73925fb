"""Event files, read back by TensorBoard itself."""

import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from compress.curves.curves import Curves
from compress.curves.tensorboard import TensorBoardWriter
from compress.errors import EnvironmentProblem
from tests.curves.stages import STEPS_OF_ALL, train, train_in_two_parts
from tests.helpers.command import compress
from tests.report.sample import report


def read(folder):
    """Curve -> points, as TensorBoard shows them."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        name: [(event.step, pytest.approx(event.value)) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_a_folder_for_every_stage_and_one_for_the_verdict(tmp_path):
    with Curves(TensorBoardWriter(tmp_path / "mine"), note=pytest.fail) as curves:
        train(curves)
        curves.verdict(report())
    stage = read(tmp_path / "mine/03_search")
    assert stage["loss"] == [(step, 10.0 - step) for step in STEPS_OF_ALL]
    assert stage["val_loss"] == [(4, 5.0), (8, 4.0), (12, 3.0)]
    assert read(tmp_path / "mine/verdict")["original/top1"] == [(0, 0.9)]
    assert sorted(place.name for place in (tmp_path / "mine").iterdir()) == ["03_search", "verdict"]


def test_steps_that_a_resumed_run_repeats_are_shown_once(tmp_path):
    train_in_two_parts(*[lambda: Curves(TensorBoardWriter(tmp_path), note=pytest.fail)] * 2)
    assert len(list((tmp_path / "03_search").iterdir())) == 2
    points = read(tmp_path / "03_search")
    assert points["loss"] == [(step, 10.0 - step) for step in STEPS_OF_ALL]
    assert points["val_loss"] == [(4, 5.0), (8, 4.0), (12, 3.0)]


def test_a_missing_extra_and_a_place_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match=r"cannot create .*file/x for --tensorboard: Not a directory"):
        TensorBoardWriter(tmp_path / "file/x")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    done = compress("run", "--arch", "squeezenet", "--tensorboard", "curves", cwd=tmp_path)
    assert done.returncode == 5
    assert "pip install tensorboard" in done.stderr
    assert {place.name for place in tmp_path.iterdir()} == {"file"}
