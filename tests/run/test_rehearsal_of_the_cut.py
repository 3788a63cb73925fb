"""What can go wrong after the search is found out before it."""

import copy

import pytest
import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable, allowed_counts
from compress.channels.costs import build_cost_model
from compress.channels.units import find_units
from compress.errors import CheckFailedError
from compress.run.rehearsal import rehearse
from tests.helpers.networks import built, image_batch


def prunable(network: nn.Module, images: Tensor) -> Prunable:
    units = find_units(network, images)
    return Prunable(units, build_cost_model(network, units, images), allowed_counts(units, 1), Budget(macs=0.5))


def test_the_rehearsal_leaves_the_network_as_it_was():
    network, images = built("residual").train(), image_batch(8)
    before = copy.deepcopy(network.state_dict())
    assert rehearse(prunable(network, images), network, images, seed=0) <= 1e-4
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_cut_network_is_trained_for_a_step():
    class TrainingOnly(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            features = self[0](images)
            if self.training:
                features = features * torch.ones(1, 8, 1, 1)
            for layer in list(self)[1:]:
                features = layer(features)
            return features

    images = image_batch(8)
    network = TrainingOnly(*built("plain"))
    with pytest.raises(CheckFailedError, match="it cannot be trained after the cut: RuntimeError: The size of tensor"):
        rehearse(prunable(network, images), network, images, seed=0)
