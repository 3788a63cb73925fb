"""Runs that are not the default one: the paper's, a rival's, other budgets, given weights, other data and networks."""

import copy
import json
import socket
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file

from compress.errors import UsageError
from compress.export.export_run import add_variants
from compress.networks.own_code import OwnCode
from compress.observer import Observer
from compress.report.run_tables import search_words
from compress.run.evolve import _search
from compress.run.pipeline import Shared, run_pipeline
from compress.run.search import remove, search
from compress.runs import RunFolder
from compress.runs.file_records import recorded_files
from compress.runs.stage_context import StageContext, check_images, find_prunable, fresh_network
from compress.settings.export import ExportSettings
from compress.settings.verify import VerifySettings
from compress.verdict.verify import verify_run
from tests.helpers.datasets import write_cifar10, write_image_folder
from tests.helpers.runs import SMALL, StopAt, checksums, loaded, small_config, stop_run, tiny_config, whole_network
from tests.helpers.small_network import build_in_colour

SHORTER = {"epochs": 2, "search_start": 0, "search_end": 1}  # for given weights
INT8 = ExportSettings(int8=True, calibration_images=30)


@pytest.fixture(scope="module")
def weights(images, shared_folder):
    """Of the small network after three epochs. Treat them as read-only."""

    def make(root: Path) -> Path:
        stop_run(small_config(images), ("02_original", 1), out=root / "run")
        return root / "run/01_baseline/weights.safetensors"

    return shared_folder("small-weights", make)


def test_the_paper_preset_reports_full_and_pruned_rows(images, weights, tmp_path):
    run = tmp_path / "run"
    shared = {"preset": "paper", "align": "auto", "population": 4, "seed": 2}
    config = small_config(images, weights=weights, epochs=5, search_start=0, search_end=2, **shared)
    report = run_pipeline(config, out=run)
    assert [row.label for row in report.networks] == ["original, as given", "pruned (P)", "full (F)"]
    original, pruned, full = report.networks
    assert (report.run.budget.asked_macs, report.run.budget.align, report.run.search.preset) == (None, 1, "paper")
    assert full.parameters == original.parameters > pruned.parameters
    assert 0.1 < pruned.kept_macs < 0.6  # bits start at one half, on either side of a layer
    assert pruned.epochs == full.epochs == 5
    small = RunFolder.open(run).load_tensors("05_finetune/weights.safetensors")
    whole = np.concatenate([value.ravel() for value in _initializers(run / "artifacts/full.onnx")])
    assert all(np.isin(value.numpy(), whole).all() for value in small.values())
    assert run_pipeline(config, out=run, mode="resume") == report
    add_variants(run, INT8, code=SMALL)
    again = verify_run(run, VerifySettings(batch_sizes=(1,), threads=(1,)), code=SMALL)
    assert again.run.config == report.run.config
    assert [row.label for row in again.networks[3:]] == ["original, as given int8", "pruned (P) int8"]
    assert again.networks[:3] == tuple(
        row.model_copy(update={"memory": new.memory}) for row, new in zip(report.networks, again.networks, strict=False)
    )
    assert ("original, as given int8", "pruned (P) int8") in [(row.original, row.candidate) for row in again.latency]
    assert "full (F): equal to its module when it was exported; that was not proved again" in again.notes


def test_the_paper_preset_starts_from_a_fresh_network_and_resumes(images, tmp_path):
    config = small_config(images, preset="paper", align="auto", epochs=6, search_start=0, search_end=1)
    stop_run(config, ("03_search", 1), out=tmp_path)
    stop_run(config, ("03_search", 3), out=tmp_path, mode="resume")
    before = fresh_network(*loaded(tmp_path)).state_dict()
    kept = RunFolder.open(tmp_path).load_tensors("01_baseline/weights.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in kept.items())


def test_given_weights_are_judged_as_given_and_are_never_changed(images, weights, tmp_path):
    before, run = weights.read_bytes(), tmp_path / "run"
    config = small_config(images, weights=weights, train_original=True, **SHORTER)
    report = run_pipeline(config, out=run)
    assert [(row.label, row.role, row.epochs) for row in report.networks] == [
        ("original, as given", "original", None),
        ("pruned", "candidate", 2),
        ("original, trained on", "extra", 2),
    ]
    assert weights.read_bytes() == before
    exported = {value.tobytes() for value in _initializers(run / "artifacts/original.onnx")}
    given = [value.numpy().tobytes() for name, value in load_file(weights).items() if name.endswith("weight")]
    assert exported.issuperset(given)
    assert not {value.tobytes() for value in _initializers(run / "artifacts/original-trained-on.onnx")}.issuperset(
        given
    )
    add_variants(run, INT8, code=SMALL)
    added = [file.label for file in recorded_files(RunFolder.open(run))][3:]
    assert added == ["original, as given int8", "pruned int8"]


def test_without_train_original_given_weights_are_the_only_original(images, weights, tmp_path):
    observer = stop_run(small_config(images, weights=weights, **SHORTER), ("03_search", 1), out=tmp_path)
    assert not (tmp_path / "02_original").exists()
    validation, assumed = observer.notes
    assert validation == "validation: 18 images of train/, 10% of every class"
    assert assumed.startswith("preprocessing of the given weights assumed: pixels / 255, less the mean (0.449)")


def test_a_replaced_head_is_noted_and_trained_and_the_ablation_keeps_a_share_of_the_parameters(weights, tmp_path):
    data = write_image_folder(tmp_path / "more", train=60, test=10, size=24, classes=4)
    config = small_config(data, weights=weights, method="saliency", keep_params=0.4, search_start=4)
    observer = StopAt("", 0)
    report = run_pipeline(config, out=tmp_path / "run", observer=observer)
    (note,) = [note for note in observer.notes if "another number of classes" in note]
    assert "the head (8.weight, 8.bias) starts fresh" in note
    assert "trained for 4 epochs" in note
    assert note in report.notes  # a resumed run's user has not seen the messages
    assert [(row.label, row.epochs) for row in report.networks] == [("original", 6), ("pruned", 6)]
    assert (report.run.budget.asked_macs, report.run.budget.asked_parameters) == (None, 0.4)
    assert 0.36 < report.candidate.kept_parameters <= 0.4
    assert report.run.config["method"] == "saliency"
    assert all(row["energy_best"] == row["energy_mean"] for row in report.run.search.history)


@pytest.mark.slow
def test_the_trained_original_is_searched_and_the_network_of_before_is_pushed(images, tmp_path, monkeypatch):
    config, run = small_config(images, keep_macs=0.3), tmp_path / "run"
    searched: list[dict[str, torch.Tensor]] = []

    def watched(context, network, *others):
        searched.append(copy.deepcopy(network.state_dict()))
        return _search(context, network, *others)

    with monkeypatch.context() as watching:
        watching.setattr("compress.run.evolve._search", watched)
        undisturbed = run_pipeline(config, out=tmp_path / "undisturbed")
    original = RunFolder.open(tmp_path / "undisturbed").load_tensors("02_original/weights.safetensors")
    assert all(torch.equal(value, original[name]) for name, value in searched[0].items())
    stop_run(config, ("03_search", 2), out=run)
    for step in (2, 2 * undisturbed.run.search.iterations):  # within the push, and at its last step
        stop_run(config, ("03_push", step), out=run, mode="resume")
    report = run_pipeline(config, out=run, mode="resume")
    assert checksums(run) == checksums(tmp_path / "undisturbed")
    trained = report.run.training
    assert [row["epoch"] for row in report.run.search.history] == [4]
    assert [row["epoch"] for row in trained["03_push"]] == [4, 5]
    assert [row["epoch"] for row in trained["05_finetune"]] == [6]
    assert "the dropped channels were pushed out in epochs 4 to 5" in search_words(report.run)
    assert report.candidate.kept_macs <= 0.3
    assert report.candidate.epochs == 6


@pytest.mark.slow
def test_a_network_with_batchnorm(tmp_path):
    data = write_image_folder(tmp_path / "small", train=100, test=15, size=16)
    config = tiny_config(data, arch="resnet18", image_size=16, align=16, epochs=3, search_start=1, search_end=2)
    report = run_pipeline(config, out=tmp_path / "run")
    assert report.run.removal.batchnorm_recalibrated
    assert report.candidate.kept_macs <= 0.5
    assert report.candidate.accuracy.top1.value > 0.9


@pytest.mark.slow
def test_annealing_is_stopped_and_goes_on(images, finished, tmp_path):
    config, run = tiny_config(images, method="anneal"), tmp_path / "run"
    stop_run(config, ("03_search", 20), out=run, shared=Shared(original_of=finished))
    report = run_pipeline(config, out=run, mode="resume")
    assert report.candidate.kept_macs <= 0.5
    assert all(epoch["energy_best"] == epoch["energy_mean"] for epoch in report.run.search.history)
    assert len(report.run.training["05_finetune"]) == 1


@pytest.mark.slow
def test_one_cycle_is_stopped_goes_on_and_is_cut_in_the_epoch_in_which_it_is_stable(images, tmp_path):
    config, run = tiny_config(images, method="one-cycle", epochs=8, search_end=7), tmp_path / "run"
    stop_run(config, ("03_search", 20), out=run)
    report = run_pipeline(config, out=run, mode="resume")
    history, cut = report.run.search.history, report.run.search.converged_at or config.search_end
    assert [row["epoch"] for row in history] == list(range(4, cut + 1))
    assert [row["epoch"] for row in report.run.training["05_finetune"]] == list(range(cut + 1, 9))
    assert all(0 < row["similarity"] <= 1 for row in history)
    assert report.candidate.kept_macs <= 0.5
    assert report.candidate.accuracy.top1.value > 0.9
    assert "preset default" in search_words(report.run)
    assert "as planned" not in search_words(report.run)


def test_a_rival_that_cannot_be_used_leaves_no_run_behind(images, finished, tmp_path):
    with pytest.raises(UsageError, match="bn-scale needs a BatchNorm"):
        run_pipeline(tiny_config(images, method="bn-scale"), out=tmp_path / "run")
    plan = finished / "04_remove/plan.json"
    with pytest.raises(UsageError, match="more than was asked"):
        run_pipeline(tiny_config(images, method="scratch", plan=plan, keep_macs=0.3), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_data_set_in_colour_by_name_and_without_a_network_connection(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    write_cifar10(tmp_path / "data/cifar-10-batches-py")
    run, code, observer = tmp_path / "run", OwnCode("", build_in_colour), StopAt("", 0)
    changes = {"data_dir": tmp_path / "data", "image_size": 32, "method": "l1", "keep_macs": 0.8, "search_start": 4}
    report = run_pipeline(small_config(Path("cifar10"), **changes).with_code(code), out=run, observer=observer)
    assert (report.data.name, report.data.classes) == ("cifar10", ("kind 0", "kind 1", "kind 2"))
    assert (report.data.channels, report.original.signature.channels) == (3, 3)
    assert json.loads((run / "artifacts/model.json").read_text())["classes"] == list(report.data.classes)
    assert report.candidate.kept_macs < 0.8
    note = "not the published cifar10"
    assert any(note in noted for noted in observer.notes)
    assert all(note in (run / file).read_text() for file in ("report.md", "report.html", "MODEL_CARD.md"))
    add_variants(run, INT8, code=code)
    kinds = [file.quantization for file in recorded_files(RunFolder.open(run)) if file.quantization]
    assert [kind.calibration_images for kind in kinds] == [30, 30]


def test_search_and_removal_leave_the_original_as_it_was(finished, tmp_path):
    settings, data = loaded(finished)
    settings = settings.model_copy(update={"search_end": 4})
    original = whole_network(finished, "02_original/weights.safetensors")
    before = copy.deepcopy(original.state_dict())
    with RunFolder.create(tmp_path / "run", settings, overwrite=False) as folder:
        context = StageContext(settings, data, folder, Observer(), lambda: None)
        prunable = find_prunable(settings, fresh_network(settings, data), check_images(settings, data))
        found = search(context, original, original, prunable)
        remove(context, found, prunable)
    assert not torch.equal(found.network.state_dict()["features.0.weight"], before["features.0.weight"])
    assert all(torch.equal(value, before[name]) for name, value in original.state_dict().items())


def _initializers(file) -> list[np.ndarray]:
    return [numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer]
