import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from exporters.module_copy import copy_module


class KeepsFeatures(nn.Linear):
    def forward(self, images: Tensor) -> Tensor:
        self.features = super().forward(images)
        return self.features.relu()


class CollectsFeatures(nn.Linear):
    def forward(self, images: Tensor) -> Tensor:
        self.features = {"first": [super().forward(images)]}
        return self.features["first"][0].relu()


def weight_normed() -> nn.Module:
    return nn.utils.weight_norm(nn.Linear(4, 3))


def masked() -> nn.Module:
    return prune.l1_unstructured(nn.Linear(4, 3), "weight", amount=0.5)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("build", [weight_normed, masked, lambda: KeepsFeatures(4, 3), lambda: CollectsFeatures(4, 3)])
def test_attributes_that_a_forward_pass_computed_are_copied_without_their_history(build):
    network, images = nn.Sequential(build(), nn.ReLU()), torch.rand(5, 4)
    for _ in range(2):  # as it was built, and after a step
        copied = copy_module(network)
        assert torch.equal(copied(images), network(images))
        copied(images).sum().backward()
        assert all(parameter.grad is None for parameter in network.parameters())
        network(images)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert network(images).any()  # no memory is shared
