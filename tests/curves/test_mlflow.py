"""Runs in MLflow, read back by its own client."""

import sys

import pytest
from mlflow import MlflowClient

from compress.curves.curves import Curves
from compress.curves.mlflow import MlflowWriter
from compress.errors import EnvironmentProblem, InterruptedRun
from tests.curves.stages import STEPS_OF_ALL, train, train_in_two_parts
from tests.helpers.command import compress
from tests.report.sample import report

SETTINGS = {"arch": "squeezenet", "keep_macs": 0.5}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Every test has a working folder of its own, where MLflow's files go by default."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "true")
    return tmp_path


def curves(folder, *, resumed=False) -> Curves:
    return Curves(MlflowWriter(folder / "runs/mine", SETTINGS, resumed=resumed), note=pytest.fail)


def read(place="mlruns", experiment="compress"):
    """The one run of an experiment, and a function that gives the points of its curves."""
    client = MlflowClient(place, place)
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return run, lambda name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]


def test_a_run_has_its_settings_its_curves_and_its_verdict(here):
    with curves(here) as observer:
        train(observer)
        observer.verdict(report())
    run, points = read()
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    assert run.data.params == {"arch": "squeezenet", "keep_macs": "0.5"}
    assert points("03_search/loss") == [(step, 10.0 - step) for step in STEPS_OF_ALL]
    assert points("03_search/val_loss") == [(4, 5.0), (8, 4.0), (12, 3.0)]
    assert points("verdict/original/top1") == [(0, 0.9)]


def test_a_resumed_run_goes_on_in_the_same_one_without_repeated_steps(here):
    train_in_two_parts(lambda: curves(here), lambda: curves(here, resumed=True))
    run, points = read()
    assert points("03_search/loss") == [(step, 10.0 - step) for step in STEPS_OF_ALL]
    assert points("03_search/val_loss") == [(4, 5.0), (8, 4.0), (12, 3.0)]
    assert run.info.status == "FINISHED"


def test_the_environment_names_place_and_experiment(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (here / "elsewhere").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "shoes")
    with pytest.raises(InterruptedRun), curves(here) as observer:
        train(observer, stop_after=2)
    run, points = read((here / "elsewhere").as_uri(), "shoes")
    assert run.info.status == "KILLED"
    assert [step for step, _loss in points("03_search/loss")] == [1, 2]
    assert not (here / "mlruns").exists()


def test_a_missing_extra_and_a_place_that_cannot_be(here, monkeypatch):
    (here / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (here / "file/x").as_uri())
    with pytest.raises(EnvironmentProblem, match=r"cannot log to MLflow: .*; try another MLFLOW_TRACKING_URI"):
        curves(here)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    done = compress("run", "--arch", "squeezenet", "--mlflow", cwd=here)
    assert done.returncode == 5
    assert "pip install mlflow-skinny" in done.stderr
    assert {place.name for place in here.iterdir()} == {"file"}
