import copy

import pytest
import torch
from torch.nn import functional

from compress.channels.masks import masked
from compress.channels.units import find_units
from compress.controls.taylor import taylor_scores
from compress.data.bundle import Order
from tests.helpers.networks import built, image_batch
from tests.helpers.splits import TensorSplit, learnable_split


@pytest.mark.parametrize("name", ["squeeze and excite", "flatten to linear"])
def test_a_score_is_the_mean_square_of_the_losss_slope_along_the_mask(name):
    network = built(name).double()
    units = find_units(built(name), image_batch())
    found = learnable_split(20)
    split = TensorSplit(found._images.double(), found.labels)
    scores = taylor_scores(network, units, split, batch_size=8, seed=3)
    batches = list(split.batches(8, order=Order(seed=3, epoch=0)))
    assert len(batches) == 3

    def loss(images, labels, unit: int, value: float) -> float:
        keep = torch.ones(units.total, dtype=torch.float64)
        keep[unit] = value
        with masked(network, units, keep), torch.no_grad():
            return float(functional.cross_entropy(network(images), labels))

    for unit in (0, units.total - 1):
        slopes = [(loss(*batch, unit, 1 + 1e-5) - loss(*batch, unit, 1 - 1e-5)) / 2e-5 for batch in batches]
        assert scores[unit].item() == pytest.approx(sum(slope**2 for slope in slopes) / 3, rel=1e-3)


def test_the_network_is_left_as_it_was():
    network = built("residual").train()
    units = find_units(network, image_batch())
    before = copy.deepcopy(network.state_dict())
    scores = taylor_scores(network, units, learnable_split(40), batch_size=8, seed=0)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(scores, taylor_scores(network, units, learnable_split(40), batch_size=8, seed=0))


def test_a_unit_that_nothing_hears_has_no_score():
    network = built("plain")
    with torch.no_grad():
        network[3].weight[:, 2] = 0
    units = find_units(network, image_batch())
    scores = taylor_scores(network, units, learnable_split(40), batch_size=8, seed=0)
    assert scores[2] == 0
    assert (scores[:8] > 0).sum() == 7
