"""A run of the command line, from an image folder to the verdict: what it leaves, and whether its numbers are true."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.flop_counter import FlopCounterMode

from compress.channels.masks import kept_entries
from compress.report.model import parse_report
from compress.runs import STAGES, RunFolder
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig
from compress.structure.plan import PruningPlan, state_from_plan
from compress.training.epochs import Epochs
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.objective import Objective
from compress.training.recipe import choose_recipe
from compress.training.weights import WeightSettings, WeightTraining
from exporters.read.logits import predict_logits
from tests.helpers.command import compress
from tests.helpers.runs import loaded, small_network, whole_network

FILES = """
    config.toml env.json data.json events.jsonl report.json report.md report.html MODEL_CARD.md MANIFEST.sha256
    artifacts/original.onnx artifacts/pruned.onnx artifacts/model.json
    01_baseline/weights.safetensors 02_original/weights.safetensors 03_search/weights.safetensors 03_search/plan.json
    03_search/history.json 04_remove/plan.json 04_remove/removal.json 04_remove/weights.safetensors
    05_finetune/weights.safetensors 06_export/export.json
"""


TRAINING = {stage: f"{stage}/history.json" for stage in ("01_baseline", "02_original", "03_search")}
TRAINING |= {"03_push": "03_search/push.json", "05_finetune": "05_finetune/history.json"}
"""Stages that train, and where their rows are."""


def histories(run: Path) -> dict[str, list[dict[str, float]]]:
    """The rows per epoch of everything that a run trains."""
    return {stage: json.loads((run / file).read_text()) for stage, file in TRAINING.items()}


@pytest.fixture(scope="module")
def report(finished):
    return parse_report((finished / "report.json").read_text(), source="report.json")


def test_every_stage_leaves_its_files_and_the_manifest_lists_them(finished):
    expected = set(FILES.split()) | {f"{stage}/finished.json" for stage in STAGES}
    found = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert expected <= found
    assert not [name for name in found if "checkpoint" in name or name.endswith(".tmp")]
    command = ["sha256sum", "--check", "--strict", "MANIFEST.sha256"]
    done = subprocess.run(command, cwd=finished, capture_output=True, text=True, check=True)
    listed = {line.rpartition(": ")[0] for line in done.stdout.splitlines()}
    assert found - listed == {"events.jsonl", "MANIFEST.sha256", ".lock"}
    events = [json.loads(line) for line in (finished / "events.jsonl").read_text().splitlines()]
    assert [event["name"] for event in events if event["kind"] == "stage"] == list(STAGES)
    assert [event["stage"] for event in events if event["kind"] == "stage finished"] == list(STAGES)


def test_the_verdict_is_on_stdout_and_the_rest_on_stderr(finished, report):
    stdout, stderr = ((finished.parent / name).read_text() for name in ("stdout", "stderr"))
    assert "pruned against original" in stdout
    assert report.candidate.sha256[:12] in stdout
    assert max(map(len, stdout.splitlines())) <= 80
    assert "[1/7] baseline: begins, 33 steps" in stderr
    assert f"The pruned network is {finished}/artifacts/pruned.onnx" in stderr
    assert "rror" not in stderr
    assert "arning" not in stderr


def test_the_budget_is_kept_in_aligned_counts(finished, report):
    assert report.run.budget.asked_macs == 0.5
    assert 0.49 <= report.run.budget.achieved_macs <= 0.5
    assert report.run.budget.achieved_macs == report.candidate.kept_macs
    layers = json.loads((finished / "04_remove/plan.json").read_text())["layers"]
    assert len(layers) == 1 + 8 * 3  # SqueezeNet: a stem, then one squeeze and two expands in each of eight fires
    kept = [len(layer["kept"]) for layer in layers.values()]
    assert all(count % 8 == 0 < count for count in kept)
    assert sum(kept) < sum(layer["width"] for layer in layers.values())


def test_sizes_and_accuracy_are_those_of_networks_rebuilt_from_plan_and_weights(finished, report):
    _config, data = loaded(finished)
    images, labels = next(iter(data.test.batches(90)))
    original = whole_network(finished, "02_original/weights.safetensors")
    candidate = small_network(finished, images[:2])
    for row, network in zip(report.networks, (original, candidate), strict=True):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(images[:1])
        parameters = sum(p.numel() for p in network.parameters())
        assert (row.macs, row.parameters) == (counter.get_total_flops() // 2, parameters)
        with torch.no_grad():
            logits = network(images)
        assert row.accuracy.images == len(labels) == 90
        assert row.accuracy.top1.hits == int((logits.argmax(1) == labels).sum())
        assert row.accuracy.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-3)
        theirs = predict_logits(finished / row.file, [images], threads=1)
        np.testing.assert_allclose(theirs, logits.numpy(), atol=1e-4 * max(1.0, float(logits.abs().max())))
    whole, pruned = report.networks
    assert (pruned.kept_macs, pruned.kept_parameters) == (
        pruned.macs / whole.macs,
        pruned.parameters / whole.parameters,
    )


def test_the_curves_are_those_of_the_histories_and_of_the_verdict(finished, report):
    def points(group: str, name: str) -> list[tuple[int, float]]:
        events = EventAccumulator(str(finished.parent / "curves" / finished.name / group)).Reload()
        return [(event.step, event.value) for event in events.Scalars(name)]

    kept = points("03_search", "kept_units")
    assert [step for step, _share in kept] == list(range(34, 45))  # 11 steps an epoch, after three epochs
    history = histories(finished)
    for group, epochs in history.items():
        validated = [(11 * row["epoch"], pytest.approx(row["val_loss"])) for row in epochs]
        assert points(group, "val_loss") == validated
    for name in ("loss", "kept_units", "energy_best", "energy_mean", "energy_spread", "learning_rate"):
        values = [value for _step, value in points("03_search", name)][:11]
        mean = np.average(values, weights=[16] * 10 + [2])
        assert history["03_search"][0][name] == pytest.approx(mean, rel=1e-5)
    top1 = report.candidate.accuracy.top1.value
    assert points("verdict", "pruned/top1") == [(0, pytest.approx(top1))]


def test_the_original_is_trained_as_long_as_the_pruned_one_and_exported_unchanged(finished, report):
    assert [row.epochs for row in report.networks] == [6, 6]
    assert all(row.accuracy.top1.value > 0.6 for row in report.networks)
    kept = whole_network(finished, "02_original/weights.safetensors").state_dict()
    exported = onnx.load(finished / "artifacts/original.onnx").graph.initializer
    bits = {numpy_helper.to_array(tensor).tobytes() for tensor in exported}
    weights = [value for name, value in kept.items() if name.endswith("weight")]
    assert len(weights) == 26
    assert all(value.contiguous().numpy().tobytes() in bits for value in weights)


def test_baseline_and_original_are_one_training_bit_for_bit(finished):
    config, data = loaded(finished)
    settings = DecidedConfig(**config.model_dump())
    network = fresh_network(settings, data)
    steps = data.train.steps(16)
    training = WeightTraining(
        network, data.val, WeightSettings(Objective(choose_recipe(network, config)), Epochs.all(6), steps, 16)
    )
    run_loop(training, data.train, LoopSettings(6, 16, seed=0), LoopHooks())
    original = RunFolder.open(finished).load_tensors("02_original/weights.safetensors")
    assert all(torch.equal(value, original[name]) for name, value in network.state_dict().items())


def test_original_and_pruned_network_go_on_at_the_same_rate(finished):
    stages = histories(finished).values()
    baseline, original, search, push, small = ({row["epoch"]: row["learning_rate"] for row in rows} for rows in stages)
    assert [*baseline, *original] == [1, 2, 3, 4, 5, 6]
    assert (original[4], original[5], original[6]) == (push[4], push[5], small[6])
    assert search == {4: original[4]}  # in the trained original, as if it were of that epoch


def test_the_optimizers_averages_are_cut_like_the_weights(finished):
    config, data = loaded(finished)
    settings, folder = DecidedConfig(**config.model_dump()), RunFolder.open(finished)
    network = whole_network(finished, "03_search/weights.safetensors")
    units = find_prunable(settings, fresh_network(settings, data), check_images(settings, data)).units
    keep_U = state_from_plan(units, PruningPlan.from_json(folder.read_text("03_search/plan.json")))
    entries = kept_entries(network, units, keep_U)
    before, after = (folder.load_state(f"{stage}/optimizer.pt") for stage in ("03_search", "04_remove"))
    assert after["schedule"] == before["schedule"]
    weights, biases = ([n for n, p in network.named_parameters() if (p.dim() > 1) == many] for many in (True, False))
    for place, name in enumerate([*weights, *biases]):
        for key in ("exp_avg", "exp_avg_sq"):
            old, new = (state["optimizer"]["state"][place][key] for state in (before, after))
            kept = old[entries[name].expand_as(old)].reshape(new.shape) if name in entries else old
            assert torch.equal(new, kept), (name, key)


def test_the_data_are_named_exactly(finished, report):
    _config, data = loaded(finished)
    assert report.data.fingerprint == data.fingerprint
    assert (report.data.train, report.data.val, report.data.test) == (162, 18, 90)
    assert report.data.classes == ("bright", "dark", "middling")
    assert report.data.channels == 1
    facts = json.loads((finished / "artifacts/model.json").read_text())
    assert (facts["classes"], facts["image_size"]) == (["bright", "dark", "middling"], 24)


def test_resuming_a_finished_run_shows_the_same_report(finished):
    done = compress("run", "--resume", finished, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((finished / "report.json").read_text())


def test_a_dry_run_writes_nothing(images, finished, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    done = compress("run", "--config", finished / "config.toml", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "method     edropout: " in done.stdout
    assert re.search(r"keep       50\.0 % of the MACs \(\d\d\.\d % reached\), counts in multiples of 8", done.stdout)
    assert "epochs     6: whole network 1 to 3, push 4 to 5, small network 6; before the push" in done.stdout
    assert sorted(tmp_path.rglob("*")) == before
    assert sorted(path.name for path in images.iterdir()) == ["test", "train"]
