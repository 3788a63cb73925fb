"""The support matrix: two small networks for real, and its page from rows written by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import support_matrix
from benchmarks.support_case import as_if_trained, examine
from benchmarks.support_row import Support, Trial, judge
from benchmarks.support_table import table
from compress.runs.decide import decide, load_decided
from compress.settings.config import RunConfig
from exporters.measure.latency import LatencySettings
from models_zoo.torchvision_models import TORCHVISION
from models_zoo.zoo import build_network

SHORT = Trial(latency=LatencySettings(rounds=4, min_pairs=12, min_seconds=0.05, max_seconds=5.0))


@pytest.mark.parametrize(
    ("name", "least_groups"), [("squeezenet1_1", 20), pytest.param("shufflenet_v2_x0_5", 10, marks=pytest.mark.slow)]
)
def test_a_network_is_right(tmp_path: Path, name: str, least_groups: int):
    row = examine(name, SHORT, tmp_path)
    assert (row.outcome, row.reason, row.classes) == ("right", "", (10, 10))
    assert row.masked_difference <= 1e-4
    assert row.onnx_difference <= 1e-4
    assert row.spread >= 100 * row.masked_difference  # constant logits would prove nothing
    assert 0.45 < row.kept_macs <= 0.5
    assert row.planned_macs == row.pruned_macs
    assert row.ratio_low <= row.ratio <= row.ratio_high
    assert row.groups >= least_groups


def test_a_network_that_cannot_be_pruned_so_far_is_refused(tmp_path: Path):
    row = examine("channelnet_v3", Trial(keep_macs=0.05, files=False), tmp_path)
    assert row.outcome == "refused"
    assert "cannot keep only 5.0% of the MACs" in row.reason
    network = build_network("channelnet_v3", classes=10, image_size=64)
    assert row.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert row.kept_macs is None


def test_a_network_that_runs_out_of_time_or_memory_is_refused():
    for name, limits, reason in (
        ("squeezenet1_1", support_matrix.Limits(seconds=0, memory_gib=14), "not done within 0 seconds"),
        ("vgg11", support_matrix.Limits(seconds=60, memory_gib=0.1), "not done within 0.1 GiB of memory"),
    ):
        row = support_matrix.examine_apart(name, Trial(files=False), limits)
        assert (row["outcome"], row["reason"]) == ("refused", reason)


def test_parameters_as_if_trained_are_never_zero_or_tiny():
    settings = RunConfig(arch="squeezenet", image_size=32, channels=3)
    _, data = load_decided(decide(settings))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 900, 10))
    nn.init.zeros_(network[4].bias)
    nn.init.constant_(network[4].weight, 1e-6)
    as_if_trained(network, data)
    assert all(parameter.abs().max() > 0.01 for parameter in network.parameters())
    images, _ = next(iter(data.train.batches(64)))
    features = network[1].eval()(network[0](images)).detach()
    centred = (features - network[1].bias.reshape(-1, 1, 1)) / network[1].weight.reshape(-1, 1, 1)
    assert centred.var(dim=(0, 2, 3)).sub(1).abs().max() < 0.5  # the statistics are those of such images
    assert torch.isfinite(network(images)).all()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"classes": (10, 5)}, "the number of classes changed"),
        ({"spread": 1e-5}, "its logits hardly depend on the image: their equality proves nothing"),
        ({"aligned": False}, "a pruned layer's width is no multiple of the alignment"),
        ({"reload_difference": 1e-7}, "the reloaded plan gives other logits"),
        ({"onnx_passed": False}, "onnxruntime and torch differ"),
        ({"pruned_macs": 51}, "the file has other MACs than the plan"),
    ],
)
def test_each_fault_makes_a_network_wrong(changed: dict, reason: str):
    values = {
        "classes": (10, 10), "aligned": True, "reload_difference": 0.0, "onnx_passed": True, "spread": 0.1,
        "masked_difference": 1e-6, "planned_macs": 50, "pruned_macs": 50,
    }  # fmt: skip
    outcomes = []
    for found, trial in ((values, Trial()), (values, Trial(files=False)), (values | changed, Trial())):
        row = Support("net", 32, **found)
        judge(row, trial)
        outcomes.append((row.outcome, row.reason))
    assert outcomes == [("right", ""), ("right so far", ""), ("wrong", reason)]


def test_every_network_is_in_the_matrix_the_largest_last():
    names = support_matrix.every_network()
    assert set(TORCHVISION) < set(names)
    assert len(names) == len(set(names)) == 80 + 5 + 3 + len(support_matrix.TIMM)
    assert names[-1] == "regnet_y_128gf"


def test_the_page():
    right = {
        "name": "resnet18", "family": "ResNet", "image_size": 32, "outcome": "right", "reason": "", "groups": 12,
        "spread": 0.52, "masked_difference": 3e-7, "onnx_difference": 0.0, "kept_macs": 0.4986, "ratio": 1.346,
        "ratio_low": 1.1, "ratio_high": 1.5, "not_pruned": {"a.conv": "a.b.attn is attention"}, "date": "2026-11-22",
        "commit": "abcdef0123456", "cpu": "Some CPU",
    }  # fmt: skip
    refused = right | {"name": "swin_t", "outcome": "refused", "reason": "too far", "ratio": None, "groups": None}
    environment = {"packages": {"torch": "2.13.0"}, "python": "3.12"}
    noisy = right | {"name": "resnet34", "ratio_high": 2.3, "commit": "1234567890abc+changes", "cpu": "Another CPU"}
    page = table({"environment": environment, "networks": {"resnet18": right, "resnet34": noisy, "swin_t": refused}})
    assert "Of torchvision's 80 classifiers: 2 right, 1 refused; not tried: alexnet, " in page
    assert "| resnet18 | 32 | right | 5e-01 | 3e-07 | 0 | 49.9% | 1.35x [1.10, 1.50] | 1 |" in page
    assert "| resnet34 | 32 | right | 5e-01 | 3e-07 | 0 | 49.9% | unclear | 1 |" in page
    assert "- swin_t (refused): too far" in page
    assert "- ResNet: ... is attention (3 layers)" in page
    assert "on 2026-11-22 on Another CPU and Some CPU, Python 3.12, torch 2.13.0, " in page
    assert "commits 1234567890 with changes, abcdef0123." in page
