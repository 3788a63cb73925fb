"""Runs that are not the default one: the paper's, the ablation, other budgets, given weights, another network."""

import copy

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from PIL import Image
from safetensors.torch import load_file

from compress.errors import InterruptedRun
from compress.export.export_run import add_variants
from compress.observer import Silent
from compress.report.model import Report
from compress.run.pipeline import run_pipeline
from compress.run.remove import remove
from compress.run.search import search
from compress.runs import RunFolder
from compress.runs.stage_context import StageContext, check_images, find_prunable, fresh_network
from compress.settings.export import ExportSettings
from compress.settings.verify import VerifySettings
from compress.verdict.verify_run import verify_run
from tests.helpers.images import write_image_folder
from tests.helpers.runs import StopAt, loaded, tiny_config, whole_network

pytestmark = pytest.mark.usefixtures("short_timing")


@pytest.fixture
def weights(finished):
    return finished / "01_baseline/weights.safetensors"


def with_int8(run) -> Report:
    """The run's report after INT8 files were added."""
    add_variants(run, ExportSettings(int8=True, calibration_images=30))
    return verify_run(run, VerifySettings(batch_sizes=(1,), threads=(1,)))


def test_the_paper_preset_reports_full_and_pruned_rows(images, weights, tmp_path):
    run = tmp_path / "run"
    shared = {"preset": "paper", "align": "auto", "population": 4, "baseline_epochs": None}
    config = tiny_config(images, weights=weights, search_epochs=4, finetune_epochs=6, **shared)
    report = run_pipeline(config, out=run)
    assert [row.label for row in report.networks] == ["original, as given", "pruned (P)", "full (F)"]
    original, pruned, full = report.networks
    assert (report.run.budget.asked_macs, report.run.budget.align, report.run.search.preset) == (None, 1, "paper")
    assert full.parameters == original.parameters > pruned.parameters
    assert 0.1 < pruned.kept_macs < 0.6  # bits start at one half, on either side of a layer
    assert pruned.epochs == full.epochs == 10
    small = RunFolder.open(run).load_tensors("05_finetune/weights.safetensors")
    whole = np.concatenate([value.ravel() for value in _initializers(run / "artifacts/full.onnx")])
    assert all(np.isin(value.numpy(), whole).all() for value in small.values())
    assert run_pipeline(config, out=run, mode="resume") == report
    again = with_int8(run)
    assert [row.label for row in again.networks[3:]] == ["original, as given int8", "pruned (P) int8"]
    assert again.networks[:3] == tuple(
        row.model_copy(update={"memory": new.memory}) for row, new in zip(report.networks, again.networks, strict=False)
    )
    assert ("original, as given int8", "pruned (P) int8") in [(row.original, row.candidate) for row in again.latency]
    assert "full (F): equal to its module when it was exported; that was not proved again" in again.notes


def test_the_paper_preset_starts_from_a_fresh_network_and_resumes(images, tmp_path):
    config = tiny_config(images, preset="paper", align="auto", baseline_epochs=0, search_epochs=1, finetune_epochs=5)
    for step in (1, 3):
        observer = StopAt("03_search", step)
        with pytest.raises(InterruptedRun):
            run_pipeline(
                config,
                out=tmp_path,
                mode="new" if step == 1 else "resume",
                observer=observer,
                should_stop=observer.should_stop,
            )
    run = RunFolder.open(tmp_path)
    settings, data = loaded(tmp_path)
    before = fresh_network(settings, data).state_dict()
    kept = run.load_tensors("01_baseline/weights.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in kept.items())


def test_the_ablation_with_a_budget_of_parameters(images, tmp_path):
    config = tiny_config(images, method="saliency", keep_params=0.4, search_epochs=1, finetune_epochs=1)
    report = run_pipeline(config, out=tmp_path / "run")
    assert (report.run.budget.asked_macs, report.run.budget.asked_parameters) == (None, 0.4)
    assert 0.36 < report.candidate.kept_parameters <= 0.4
    assert report.run.config["method"] == "saliency"
    assert {row["energy_best"] for row in report.run.search.history} == {
        row["energy_mean"] for row in report.run.search.history
    }


def test_given_weights_are_judged_as_given_and_are_never_changed(images, weights, tmp_path):
    before = weights.read_bytes()
    config = tiny_config(images, weights=weights, train_original=True, search_epochs=1, finetune_epochs=1)
    report = run_pipeline(config, out=tmp_path / "run")
    assert [(row.label, row.role, row.epochs) for row in report.networks] == [
        ("original, as given", "original", None),
        ("pruned", "candidate", 2),
        ("original, trained on", "extra", 2),
    ]
    assert weights.read_bytes() == before
    shipped = {value.tobytes() for value in _initializers(tmp_path / "run/artifacts/original.onnx")}
    given = load_file(weights)
    assert all(value.numpy().tobytes() in shipped for name, value in given.items() if name.endswith("weight"))
    trained_on = {value.tobytes() for value in _initializers(tmp_path / "run/artifacts/original-trained-on.onnx")}
    assert not all(value.numpy().tobytes() in trained_on for name, value in given.items() if name.endswith("weight"))
    again = with_int8(tmp_path / "run")
    assert [row.label for row in again.networks[3:]] == ["original, as given int8", "pruned int8"]
    assert again.run.config == report.run.config


def test_images_in_colour(tmp_path):
    data = write_image_folder(tmp_path / "grey", train=60, test=10, size=24)
    for path in data.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    report = run_pipeline(tiny_config(data, search_epochs=1, finetune_epochs=1), out=tmp_path / "run")
    assert (report.data.channels, report.original.signature.channels) == (3, 3)
    again = with_int8(tmp_path / "run")
    assert again.networks[3].quantization.calibration_images == 30


def test_without_train_original_given_weights_are_the_only_original(images, weights, tmp_path):
    observer = StopAt("03_search", 1)
    with pytest.raises(InterruptedRun):
        run_pipeline(
            tiny_config(images, weights=weights), out=tmp_path, observer=observer, should_stop=observer.should_stop
        )
    assert not (tmp_path / "02_original").exists()
    assert observer.notes == ["validation: 30 images of train/, 10% of every class"]


def test_a_replaced_head_is_said_aloud_and_trained(weights, tmp_path):
    data = write_image_folder(tmp_path / "more", train=100, test=10, size=24, classes=4)
    config = tiny_config(data, weights=weights, baseline_epochs=4, search_epochs=1, finetune_epochs=1)
    observer = StopAt("", 0)
    report = run_pipeline(config, out=tmp_path / "run", observer=observer)
    said = [note for note in observer.notes if "another number of classes" in note]
    assert len(said) == 1
    assert "the head (classifier.1.weight, classifier.1.bias) started fresh" in said[0]
    assert "trained for 4 epochs" in said[0]
    assert said[0] in report.notes  # a resumed run's user has not seen the messages
    assert [(row.label, row.epochs) for row in report.networks] == [("original", 6), ("pruned", 6)]


@pytest.mark.slow
def test_a_network_with_batchnorm(tmp_path):
    data = write_image_folder(tmp_path / "small", train=100, test=15, size=16)
    config = tiny_config(
        data, arch="resnet18", image_size=16, align=16, baseline_epochs=1, search_epochs=1, finetune_epochs=1
    )
    report = run_pipeline(config, out=tmp_path / "run")
    assert report.run.removal.batchnorm_recalibrated
    assert report.candidate.kept_macs <= 0.5
    assert report.candidate.accuracy.top1.value > 0.9


def test_search_and_removal_leave_the_original_as_it_was(finished, tmp_path):
    settings, data = loaded(finished)
    settings = settings.model_copy(update={"search_epochs": 1})
    original = whole_network(finished, "02_original/weights.safetensors")
    before = copy.deepcopy(original.state_dict())
    with RunFolder.create(tmp_path / "run", settings, overwrite=False) as folder:
        context = StageContext(settings, data, folder, Silent(), lambda: None)
        folder.write_json("01_baseline/epochs.json", settings.baseline_epochs)
        prunable = find_prunable(settings, fresh_network(settings, data), check_images(settings, data))
        found = search(context, original, prunable)
        remove(context, found, prunable)
    assert not torch.equal(found.network.state_dict()["features.0.weight"], before["features.0.weight"])
    assert all(torch.equal(value, before[name]) for name, value in original.state_dict().items())


def _initializers(file) -> list[np.ndarray]:
    return [numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer]
