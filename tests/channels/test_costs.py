"""What a network costs: against hand-worked numbers and torch's own counter."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from compress.channels.costs import build_cost_model, products_per_image
from compress.channels.units import find_units
from compress.errors import UsageError
from compress.structure.plan import plan_from_state
from compress.structure.remove import cut
from compress.tracing.forward_pass import plain_kernels
from tests.helpers.networks import image_batch, network_of, random_state, with_units
from tests.helpers.odd_networks import BUILDERS, found


def counted(network: nn.Module, images: torch.Tensor) -> tuple[int, int]:
    """MACs of one image by torch's own counter (it counts two operations for each), and parameters."""
    frozen = copy.deepcopy(network).requires_grad_(False)  # it fails on a view of a parameter handed to a layer
    with FlopCounterMode(display=False) as counter, plain_kernels():
        frozen(images[:1])
    return counter.get_total_flops() // 2, sum(p.numel() for p in network.parameters())


def test_hand_worked_costs():
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 9, 5))
    images = torch.zeros(1, 2, 3, 3)
    model = build_cost_model(network, find_units(network, images), images)
    # whole: 9 pixels x 9 taps x 2 in x 4 out + 36 x 5 = 648 + 180; (18 + 1) x 4 + 36 x 5 + 5 = 261
    assert (model.full.macs, model.full.parameters) == (828, 261)
    # three of four channels: 486 + 135; 57 + 135 + 5
    cost = model.cost(torch.tensor([3]))
    assert (cost.macs, cost.parameters) == (621, 197)


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {"recurrent"}))  # its MACs have no rule
def test_costs_of_a_state_are_those_of_the_cut_network(name: str):
    (network, units), images = found(name), image_batch()
    model = build_cost_model(network, units, images)
    assert (model.full.macs, model.full.parameters) == counted(network, images)
    frozen = copy.deepcopy(network).requires_grad_(False)
    assert build_cost_model(frozen, units, images).full == model.full
    for seed in range(3):
        keep = random_state(units, seed=seed, share=0.6)
        cost = model.cost(units.counts(keep.unsqueeze(0))[0])
        assert (cost.macs, cost.parameters) == counted(cut(network, plan_from_state(units, keep), images), images)


class Gained(nn.Conv2d):
    """A layer with one more parameter of its own."""

    def __init__(self) -> None:
        super().__init__(4, 6, 1)
        self.gain = nn.Parameter(torch.ones(6, 4, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.weight * self.gain, self.bias)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("layer", "parameters"),
    [
        (Gained(), 24 + 24 + 6),
        (nn.utils.spectral_norm(nn.Conv2d(4, 6, 1)), 24 + 6),  # weight_orig
        (nn.utils.weight_norm(nn.Conv2d(4, 6, 1)), 6 + 24 + 6),  # weight_g, weight_v
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 1)), 6 + 24 + 6),
    ],
    ids=["gain", "spectral_norm", "weight_norm", "parametrized weight_norm"],
)
def test_parameters_that_a_weight_is_computed_from_count(layer: nn.Module, parameters: int):
    network = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(6, 8, 1), nn.Flatten(), nn.Linear(8 * 9, 5))
    images = torch.zeros(2, 4, 3, 3)
    model = build_cost_model(network, find_units(network.eval(), images), images)
    assert model.full.parameters == parameters + (6 * 8 + 8) + (72 * 5 + 5)
    # three of the eight channels gone: each had 6 weights and a bias, and 9 inputs of the head
    counts = model.sizes_G.clone()
    counts[-1] = 5
    assert model.cost(counts).parameters == model.full.parameters - 3 * (6 + 1) - 3 * 9 * 5


def test_work_that_is_the_same_for_any_image_is_not_counted():
    network = network_of(
        lambda n, x: n.head(n.stem(x).mean((2, 3))) + n.bias(torch.ones(3, 7)).mean(0),
        stem=nn.Conv2d(2, 4, 1), bias=nn.Linear(7, 5), head=nn.Linear(4, 5),
    )  # fmt: skip
    images = torch.zeros(2, 2, 3, 3)
    full = build_cost_model(network, find_units(network, images), images).full
    assert (full.macs, full.parameters) == (9 * 2 * 4 + 4 * 5, 2 * 4 + 4 + 7 * 5 + 5 + 4 * 5 + 5)


def test_products_without_a_layer():
    network = network_of(
        lambda n, x: n.head((x.mean((2, 3)) @ n.matrix @ n.vector)[:, None]),
        matrix=nn.Parameter(torch.ones(3, 4)), vector=nn.Parameter(torch.ones(4)), head=nn.Linear(1, 5),
    )  # fmt: skip
    calls = products_per_image(network, torch.zeros(1, 3, 4, 4))
    assert calls == [("mm", 3 * 4), ("mv", 4), ("addmm", 1 * 5)]


@pytest.mark.parametrize("layer", [nn.LSTM(6, 5), nn.GRU(6, 5), nn.Bilinear(3, 3, 4)], ids=str)
def test_layers_without_a_rule_are_refused_by_name(layer: nn.Module):
    network, units = with_units("plain")
    network.extra = layer
    with pytest.raises(UsageError, match=rf"^extra: the MACs of {type(layer).__name__} cannot be counted; try"):
        build_cost_model(network, units, image_batch())
