"""What a network costs, counted in torch: products without a layer, and parameters that are not trained."""

import pytest
import torch
from torch import Tensor, nn

from compress.channels.costs import build_cost_model, products_per_image
from compress.channels.units import find_units
from compress.errors import UsageError
from compress.structure.plan import plan_from_state
from compress.structure.remove import cut
from tests.helpers.networks import built, image_batch


class Bare(nn.Module):
    """Products that no nn.Conv2d or nn.Linear makes, of the means of 3 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(3, 4))
        self.vector = nn.Parameter(torch.ones(4))
        self.head = nn.Linear(1, 5)

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((2, 3))
        return self.head((means @ self.matrix @ self.vector)[:, None])


def test_products_without_a_layer():
    calls = products_per_image(Bare(), torch.zeros(1, 3, 4, 4))
    assert calls == [("mm", 3 * 4), ("mv", 4), ("addmm", 1 * 5)]


@pytest.mark.parametrize(
    "layer", [nn.LSTM(6, 5), nn.GRU(6, 5), nn.Bilinear(3, 3, 4)], ids=lambda one: type(one).__name__
)
def test_layers_without_a_rule_are_refused_by_name(layer: nn.Module):
    network = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    units = find_units(network, image_batch())
    network.extra = layer
    with pytest.raises(UsageError, match=rf"^extra: the MACs of {type(layer).__name__} cannot be counted; try"):
        build_cost_model(network, units, image_batch())


def test_frozen_parameters_count_as_those_that_are_trained():
    network, images = built("plain"), image_batch()
    network.requires_grad_(requires_grad=False)
    units = find_units(network, images)
    model = build_cost_model(network, units, images)
    assert model.full.parameters == sum(p.numel() for p in network.parameters())
    keep = torch.arange(units.total) % 2 == 0
    smaller = cut(network, plan_from_state(units, keep), images)
    assert model.cost(units.counts(keep[None])[0]).parameters == sum(p.numel() for p in smaller.parameters())
