"""ChannelNets: pruned where no filter moves along the channels, and nowhere else; one of them through a whole run."""

import json

import pytest
import torch
from torch import nn

from compress.channels.units import find_units
from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from compress.structure.remove import remove_units
from models_zoo.zoo import build_network
from tests.helpers.runs import small_network, tiny_config

PRUNED = {  # v2's last block and v3's class layer read the 1,024 channels in order, too
    "channelnet_v1": ["0.0", "1.1.0", "2.1.0", "3.1.0", "4.1.0", "5.1.0", "10.1.0", "11.1.0"],
    "channelnet_v2": ["0.0", "1.1.0", "2.1.0", "3.1.0", "4.1.0", "5.1.0"],
    "channelnet_v3": ["0.0", "1.1.0", "2.1.0", "3.1.0", "4.1.0", "5.1.0"],
}


@pytest.mark.parametrize(("name", "roots"), PRUNED.items())
def test_masked_is_physical_and_ordered_channels_stay(name: str, roots: list[str]):
    torch.manual_seed(0)
    network = build_network(name, classes=7, channels=1, image_size=32)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):  # a bias of 0 would not be missed
            nn.init.normal_(layer.bias)
    units = find_units(network, torch.randn(2, 1, 32, 32))
    assert [group.root for group in units.groups] == roots
    assert "the convolution 8.exchange.conv runs along it" in units.not_pruned["6.1.0"]
    keep_U = torch.rand(units.total) < 0.5
    images = torch.randn(4, 1, 32, 32)
    removed = remove_units(network, units, keep_U, images)  # raises where they differ
    assert removed.network(images).shape == (4, 7)
    assert removed.network.eval()(images).std() > 1e-3  # a difference of logits that are all alike would say nothing


@pytest.mark.slow
def test_a_channelnet_through_a_whole_run(images, tmp_path):
    run = tmp_path / "run"
    epochs = {"epochs": 5, "search_start": 3, "search_end": 4}
    report = run_pipeline(tiny_config(images, arch="channelnet_v1", image_size=32, keep_macs=0.6, **epochs), out=run)
    assert 0.5 < report.candidate.kept_macs <= 0.6
    folder = RunFolder.open(run)
    removal = folder.read_json("04_remove/removal.json")
    assert removal["max_abs_difference"] <= removal["tolerance"]
    plan = json.loads(folder.read_text("04_remove/plan.json"))["layers"]
    assert list(plan) == PRUNED["channelnet_v1"]
    network = small_network(run, torch.zeros(2, 1, 32, 32))
    assert [tuple(network[place].exchange.conv.weight.shape) for place in (8, 9)] == [(2, 1, 8, 1, 1)] * 2
    assert [network[place].first[1][0].weight.shape[0] for place in (7, 8, 9)] == [512, 512, 512]
    assert network[12][2].weight.shape == (len(report.data.classes), len(plan["11.1.0"]["kept"]))
