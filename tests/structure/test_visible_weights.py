"""Ordinary weights, with which a wrong cut shows in the output; and the states of trial cuts."""

import pytest
import torch
from torch import nn

from compress.errors import UsageError
from compress.structure.trial_cuts import trial_states
from compress.structure.visible_weights import with_visible_weights
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch, network_of, pooled, unchanged, with_units


def test_signals_are_of_the_size_of_one_and_nothing_is_zero_or_closed():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.PReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), *pooled(6)
    )
    images = image_batch(8)
    with torch.no_grad():
        for layer, factor in ((0, 100.0), (1, 0.0), (2, -80.0), (3, 1e-6), (7, 0.0)):
            network[layer].weight.mul_(factor)
    with unchanged(network):
        found = with_visible_weights(network, images, seed=0)
    mixed = torch.cat([images, torch.randn(images.shape, generator=torch.Generator().manual_seed(0))])
    assert not found.training
    with torch.no_grad():
        for layer in (0, 1, 3, 7):
            given = found[:layer](mixed)
            out = found[layer](given).movedim(1, -1).flatten(0, -2)
            assert out.var(0, unbiased=False).mean().sqrt() == pytest.approx(1.0, rel=0.5 if layer == 1 else 1e-3)
    assert 0.5 <= float(found[1].weight.detach().min()) < float(found[1].weight.detach().max()) <= 1.5
    assert 0.5 <= found[2].weight.item() <= 1.5


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        (lambda x: x / x.flatten(1).norm(dim=1)[:, None, None, None], r"1 of 8 images, which are of one value each"),
        (lambda x: x.log(), r"8 of 8 images with its first weights: check the given weights, the preprocessing"),
    ],
)
def test_a_network_that_is_nan_on_some_images_is_told_which_and_not_about_a_softmax(fails, message):
    images = image_batch(8)
    images[3] = 0.0
    network = network_of(lambda n, x: n.head(fails(x).mean((2, 3))), head=nn.Linear(2, CLASSES))
    with pytest.raises(UsageError, match=message):
        with_visible_weights(network, images, seed=0)


def test_one_image_is_enough():
    assert with_visible_weights(built("plain"), torch.zeros(1, 2, 12, 12), seed=0)(image_batch()).std() > 0.1


def test_a_layer_may_be_given_a_parameter_without_samples():
    network = network_of(
        lambda n, x: n.head((n.stem(x).relu() * n.gate(n.scale)[:, None, None]).mean((2, 3))),
        stem=nn.Conv2d(2, 8, 3), gate=nn.Linear(8, 8), scale=nn.Parameter(torch.ones(8)), head=nn.Linear(8, CLASSES),
    )  # fmt: skip
    assert with_visible_weights(network, image_batch(), seed=0)(image_batch()).std() > 0.1


def test_what_is_the_same_for_all_images_is_taken_off_where_it_hides_them():
    """A head that starts at zero behind a signal that is 1 for every image but for a millionth."""
    network = network_of(
        lambda n, x: n.head(n.norm(n.stem(1 + 1e-6 * x.flatten(1)))),
        stem=nn.Linear(288, 8), norm=nn.LayerNorm(8), head=nn.Linear(8, CLASSES),
    )  # fmt: skip
    nn.init.zeros_(network.head.weight)
    logits = with_visible_weights(network, image_batch(8), seed=0)(image_batch(8)).detach()
    assert float((logits.amax(0) - logits.amin(0)).max()) > 0.1


def test_the_networks_own_weights_are_used_if_others_overflow():
    network = network_of(lambda n, x: (n.head(x.flatten(1)) * 1e4).exp(), head=nn.Linear(288, CLASSES))
    with torch.no_grad():
        network.head.weight.mul_(1e-3)
        network.head.bias.zero_()
    found = with_visible_weights(network, image_batch(), seed=0)
    assert torch.equal(found.head.weight, network.head.weight)


@pytest.mark.parametrize("name", NETWORKS)
def test_trial_states_drop_every_unit_once_at_different_widths_then_have_equal_ones(name: str):
    network, units = with_units(name)
    first, second, *others = trial_states(network, units, seed=3)
    assert torch.equal(second, ~first)
    for group, count in zip(units.groups, units.counts(first[None])[0].tolist(), strict=True):
        assert 1 <= count < group.size
    widths = sorted({group.width for group in units.groups})
    assert len(others) == min(3, len(widths) - 1)
    for state in others:
        kept = [
            count * group.tied
            for group, count in zip(units.groups, units.counts(state[None])[0].tolist(), strict=True)
            if count < group.size and group.tied == 1
        ]
        assert len(set(kept)) <= 1
        assert all(width in widths for width in kept)
