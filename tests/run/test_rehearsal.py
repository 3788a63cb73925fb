"""What can go wrong after the training is found out before it."""

import copy

import pytest
import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.channels.costs import build_cost_model
from compress.channels.counts import allowed_counts
from compress.channels.units import find_units
from compress.errors import CheckFailedError, UsageError
from compress.run.rehearsal import (
    check_fits_a_file,
    is_known_to_export,
    rehearse_cut,
    rehearse_export,
    rehearse_loading,
)
from compress.runs.decide import decide
from compress.settings.config import RunConfig
from tests.helpers.networks import built, image_batch

CONFIG = decide(RunConfig(arch="squeezenet"))


def test_weights_that_no_file_can_hold_are_refused():
    with pytest.raises(UsageError, match=r"squeezenet cannot become an ONNX file: expected weights of less than 2 GiB"):
        check_fits_a_file(CONFIG, nn.Linear(30_000, 20_000, device="meta"))
    check_fits_a_file(CONFIG, nn.Linear(2**14, 2**15 - 1, bias=False, device="meta"))  # 64 KiB short of 2 GiB


def test_which_networks_are_exported_before_they_are_trained():
    known, unknown = [("squeezenet", 18), ("channelnet_v1", 18)], [("squeezenet", 19), ("timm/resnet18", 18)]
    found = {one: is_known_to_export(decide(RunConfig(arch=one[0], opset=one[1]))) for one in known + unknown}
    assert [one for one, exports in found.items() if exports] == known


class AddsVector(nn.Module):
    """A product that torch's counter leaves out (addmv), beside two that it counts."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 1), nn.Linear(1, 2)
        self.start, self.vector = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(6))

    def forward(self, images: Tensor) -> Tensor:
        means = self.stem(images).mean((2, 3))
        return self.head(torch.addmv(self.start, means, self.vector)[:, None])


class ReadsRows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.rows(images[:, 0])[0][:, -1])


@pytest.mark.parametrize(
    ("network", "macs", "message"),
    [
        (
            AddsVector(),
            16 * 3 * 6 + 2,  # 16 pixels
            r"no more MACs in its ONNX file than in torch, 290, got 296: only in the file \w+ \S+ \(6\); try nn",
        ),
        (ReadsRows(), 10, r"MACs of LSTM in its ONNX file cannot be counted; try a network of"),
    ],
)
def test_products_that_are_not_counted_alike_are_named(network, macs, message):
    with pytest.raises(UsageError, match=message):
        rehearse_export(CONFIG, network, torch.rand(3, 3, 4, 4), macs=macs)
    assert network.training


def test_equal_macs_in_file_and_torch_pass():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    assert rehearse_export(CONFIG, network, torch.rand(3, 3, 2, 2), macs=12 * 5) == ()


class CallsTwice(nn.Module):
    """The exporter computes the convolution of the same images once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 1), nn.Linear(6, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head((self.stem(images).relu() + self.stem(images).sigmoid()).mean((2, 3)))


def test_a_file_with_fewer_macs_is_taken_with_a_note():
    once, head = 16 * 3 * 6, 6 * 2
    (note,) = rehearse_export(CONFIG, CallsTwice(), torch.rand(3, 3, 4, 4), macs=2 * once + head)
    assert note == "the ONNX file has 300 MACs, torch 588: calls with equal inputs are computed once"


class Remembers(nn.Module):
    """What it adds is neither a parameter nor a buffer: it is lost where weights are saved."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.body, self.added = built("plain"), torch.full((1, 5), added)

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images) + self.added


def test_a_pruned_network_is_built_again_from_its_weights():
    images, fresh, network = image_batch(8), built("plain"), built("plain")
    torch.nn.init.normal_(fresh[0].weight)
    removed = rehearse_cut(prunable(network, images), network, images, seed=0)
    rehearse_loading(fresh, removed, images)
    network = Remembers(1.0)
    removed = rehearse_cut(prunable(network, images), network, images, seed=0)
    with pytest.raises(UsageError, match=r"built again from its saved weights, gives logits .*register_buffer"):
        rehearse_loading(Remembers(2.0), removed, images)


def prunable(network: nn.Module, images: Tensor) -> Prunable:
    units = find_units(network, images)
    return Prunable(units, build_cost_model(network, units, images), allowed_counts(units, 1), Budget(macs=0.5))


def test_the_rehearsal_of_the_cut_does_not_change_the_network():
    network, images = built("residual").train(), image_batch(8)
    before = copy.deepcopy(network.state_dict())
    assert rehearse_cut(prunable(network, images), network, images, seed=0).max_abs_difference <= 1e-4
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_cut_network_is_trained_for_a_step():
    class TrainingOnly(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return features * torch.ones(1, 8, 1, 1) if self.training else features

    first, *others = built("plain")
    network, images = nn.Sequential(first, TrainingOnly(), *others), image_batch(8)
    with pytest.raises(CheckFailedError, match="it cannot be trained after the cut: RuntimeError: The size of tensor"):
        rehearse_cut(prunable(network, images), network, images, seed=0)
