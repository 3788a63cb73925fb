"""Runs whose channels a rival chooses: at once, from a plan, by annealing; each to its report."""

import pytest
import torch

from compress.errors import InterruptedRun, UsageError
from compress.run.pipeline import RunOptions, run_pipeline
from compress.runs import RunFolder
from tests.helpers.runs import StopAt, tiny_config, whole_network

pytestmark = pytest.mark.usefixtures("short_timing")

EPOCHS = {"baseline": 4, "after": 2 + 2}
"""Of tests/helpers/runs.py."""


def test_thinet_rescales_a_copy_and_has_all_the_epochs(images, finished, tmp_path):
    run = tmp_path / "run"
    config = tiny_config(images, method="thinet")
    report = run_pipeline(config, out=run, options=RunOptions(original_of=finished))
    assert report.candidate.kept_macs <= 0.5
    assert [row.epochs for row in report.networks] == [8, 8]
    assert report.run.method == "thinet"
    assert (report.run.search.history, report.run.search.converged_at) == ((), None)
    assert len(report.run.training["05_finetune"]) == EPOCHS["after"]
    folder = RunFolder.open(run)
    before, searched = (folder.load_tensors(f"{stage}/weights.safetensors") for stage in ("01_baseline", "03_search"))
    changed = {name for name in before if not torch.equal(before[name], searched[name])}
    assert "features.3.expand3x3.weight" in changed
    assert all(name.endswith("weight") for name in changed)
    assert "pruned by ThiNet" in (run / "MODEL_CARD.md").read_text()


def test_scratch_trains_the_same_shape_for_all_the_epochs(images, finished, tmp_path):
    run, plan = tmp_path / "run", finished / "04_remove/plan.json"
    config = tiny_config(images, method="scratch", plan=plan)
    stop = StopAt("05_finetune", 2)
    options = RunOptions(original_of=finished)
    with pytest.raises(InterruptedRun):
        run_pipeline(config, out=run, observer=stop, should_stop=stop.should_stop, options=options)
    report = run_pipeline(config, out=run, mode="resume")
    folder = RunFolder.open(run)
    assert folder.read_text("04_remove/plan.json") == plan.read_text()
    assert len(report.run.training["05_finetune"]) == EPOCHS["baseline"] + EPOCHS["after"]
    assert [row.epochs for row in report.networks] == [8, 8]
    assert report.candidate.macs == RunFolder.open(finished).read_json("report.json")["networks"][1]["macs"]
    start = whole_network(run, "03_search/weights.safetensors").state_dict()
    trained = folder.load_tensors("01_baseline/weights.safetensors")
    assert not any(torch.equal(start[name], trained[name]) for name in trained if name.endswith("weight"))


@pytest.mark.slow
def test_annealing_is_stopped_and_goes_on(images, finished, tmp_path):
    config, options = tiny_config(images, method="anneal"), RunOptions(original_of=finished)
    stop = StopAt("03_search", 20)
    with pytest.raises(InterruptedRun):
        run_pipeline(config, out=tmp_path / "run", observer=stop, should_stop=stop.should_stop, options=options)
    report = run_pipeline(config, out=tmp_path / "run", mode="resume")
    assert report.candidate.kept_macs <= 0.5
    assert all(epoch["energy_best"] == epoch["energy_mean"] for epoch in report.run.search.history)
    assert len(report.run.training["05_finetune"]) == 2


def test_what_cannot_be_used_leaves_no_run_behind(images, finished, tmp_path):
    with pytest.raises(UsageError, match="bn-scale needs a BatchNorm"):
        run_pipeline(tiny_config(images, method="bn-scale"), out=tmp_path / "run")
    plan = finished / "04_remove/plan.json"
    with pytest.raises(UsageError, match="more than was asked"):
        run_pipeline(tiny_config(images, method="scratch", plan=plan, keep_macs=0.3), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
