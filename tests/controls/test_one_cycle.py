import copy
import math

import pytest
import torch
from torch import nn

from compress.channels.units import find_units
from compress.controls.one_cycle import COMPARED, PUSH, OneCycleTraining, saliency, similarity
from compress.training.epochs import Epochs
from compress.training.objective import Objective
from compress.training.recipe import Recipe
from compress.training.weights import WeightSettings, WeightTraining
from tests.helpers.networks import NETWORKS, built, image_batch, prunable_of, same_state, with_units
from tests.helpers.odd_networks import BUILDERS, found
from tests.helpers.splits import learnable_split

SPLIT = learnable_split(40)
SETTINGS = WeightSettings(
    Objective(Recipe("sgd", 5e-2, 0.0, "constant")), Epochs(1, 5, 8), steps_per_epoch=5, batch_size=8
)


def training(name="plain", *, share=0.5, seed=0):
    network = built(name, seed=seed)
    return network, OneCycleTraining(network, SPLIT, SETTINGS, prunable_of(network, share=share))


def steps(body, count):
    for images, labels in list(SPLIT.batches(8))[:count]:
        body.step(images, labels)


def test_saliency_by_hand():
    """Filters of norms 3 and 1, norm factors 0 and 2, columns of norms 4 and 2: norms 5 and 3, their mean is 4."""
    network = nn.Sequential(nn.Conv2d(2, 2, 12, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 5)).eval()
    with torch.no_grad():
        for layer in (network[0], network[3]):
            layer.weight.zero_()
        network[0].weight[:, 1, 3, 3] = torch.tensor([3.0, 1.0])
        network[1].weight.copy_(torch.tensor([0.0, -2.0]))
        network[3].weight[2] = torch.tensor([4.0, -2.0])
    assert saliency(network, find_units(network, image_batch())).tolist() == pytest.approx([5 / 4, 3 / 4])


@pytest.mark.parametrize("name", BUILDERS)
def test_saliency_counts_every_weight_that_a_cut_removes(name):
    """The mean is 1 in every group, and a unit without any weights has none."""
    network, units = found(name)
    for group in units.groups:
        assert saliency(network, units)[group.units].mean() == pytest.approx(1)


def test_similarity_by_hand():
    _, units = with_units("plain")
    one = torch.tensor([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0], dtype=torch.bool)
    other = torch.tensor([0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0], dtype=torch.bool)
    assert similarity(one, other, units) == pytest.approx((2 / 4 + 2 / 2) / 2)
    assert similarity(one, one, units) == 1


def test_a_step_is_a_plain_step_and_then_the_decay_of_what_will_be_cut():
    network, body = training()
    plain = built("plain")
    keep = body.keep_U
    steps(body, 1)
    steps(WeightTraining(plain, SPLIT, SETTINGS), 1)
    factor = math.exp(-2 * PUSH / 20**2)
    between = keep[8:, None] & keep[None, :8]
    for mine, theirs, kept in (
        (network[0].weight, plain[0].weight, keep[:8, None, None, None]),
        (network[1].weight, plain[1].weight, keep[:8]),
        (network[3].weight, plain[3].weight, between[..., None, None]),
        (network[7].weight, plain[7].weight, keep[None, 8:]),
    ):
        torch.testing.assert_close(mine, torch.where(kept, theirs, factor * theirs))
    assert torch.equal(network[0].bias, plain[0].bias)


def test_what_will_be_cut_fades_over_the_window_and_the_budget_is_kept():
    network, body = training("residual")
    before, first = saliency(network, body._prunable.units), body.keep_U
    for epoch in range(1, 5):
        steps(body, 5)
        row = body.end_epoch(epoch)
        assert body._prunable.cost(body.keep_U).macs <= 0.5 * body._prunable.model.full.macs
    assert 0 < row["similarity"] <= 1
    after = saliency(network, body._prunable.units)
    assert (after / before)[~first].mean() < 0.5 * (after / before)[first].mean()


def test_it_is_over_once_the_sub_network_has_stayed_the_same():
    _, body = training()
    for epoch in range(COMPARED):
        assert not body.finished()
        assert body.end_epoch(epoch)["similarity"] == 1
    assert body.finished()


def test_it_goes_on_from_a_state_bit_for_bit():
    whole, body = training("concat")
    steps(body, 3)
    body.end_epoch(1)
    state = copy.deepcopy(body.state_dict())
    resumed, other = training("concat", seed=5)
    other.load_state_dict(state)
    assert torch.equal(other.keep_U, body.keep_U)
    for one in (body, other):
        steps(one, 2)
        one.end_epoch(2)
    assert same_state(whole, resumed)
    assert other.state_dict()["similarities"] == body.state_dict()["similarities"]


def test_frozen_weights_stay():
    network = NETWORKS["plain"]()
    network[1].requires_grad_(False)
    body = OneCycleTraining(network, SPLIT, SETTINGS, prunable_of(network))
    steps(body, 5)
    assert torch.equal(network[1].weight, torch.ones(8))
