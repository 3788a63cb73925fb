"""Whether a network can become a file is found out before it is trained."""

import re

import pytest
import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.run.rehearsal import check_fits_a_file, rehearse_export
from compress.runs.decide import decide
from compress.settings.config import RunConfig


def test_weights_that_no_file_can_hold_are_refused():
    config = decide(RunConfig(arch="squeezenet"))
    with pytest.raises(UsageError, match=r"squeezenet cannot become an ONNX file: expected weights of less than 2 GiB"):
        check_fits_a_file(config, nn.Linear(30_000, 20_000, device="meta"))


def test_weights_just_below_are_not():
    largest = nn.Linear(2**14, 2**15 - 1, bias=False, device="meta")  # 64 KiB short of 2 GiB
    assert sum(weight.nbytes for weight in largest.parameters()) == 2**31 - 2**16
    check_fits_a_file(decide(RunConfig(arch="squeezenet")), largest)


class AddsVector(nn.Module):
    """A product that torch's counter leaves out (addmv), beside two that it counts."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 1), nn.Linear(1, 2)
        self.start, self.vector = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(6))

    def forward(self, images: Tensor) -> Tensor:
        means = self.stem(images).mean((2, 3))
        return self.head(torch.addmv(self.start, means, self.vector)[:, None])


def test_products_that_only_the_file_counts_are_named():
    network, images = AddsVector(), torch.rand(3, 3, 4, 4)
    config = decide(RunConfig(arch="squeezenet"))
    with pytest.raises(UsageError) as caught:  # 16 pixels x 3 x 6, 1 x 2
        rehearse_export(config, network, images, macs=288 + 2)
    told = r"as many MACs in its ONNX file as in torch, 290, got 296: only in the file \w+ \S+ \(6\); try nn\.Conv2d"
    assert re.search(told, str(caught.value)), caught.value
    assert network.training


def test_as_many_on_both_sides_are_no_fault():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
    rehearse_export(decide(RunConfig(arch="squeezenet")), network, torch.rand(3, 3, 2, 2), macs=12 * 5 + 5 * 2)


class ReadsRows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.rows(images[:, 0])[0][:, -1])


def test_a_recurrent_layer_is_an_error_that_names_it():
    with pytest.raises(UsageError, match=r"MACs of LSTM in its ONNX file cannot be counted; try a network of"):
        rehearse_export(decide(RunConfig(arch="squeezenet")), ReadsRows(), torch.rand(3, 1, 7, 6), macs=10)
