"""Differences between masked and smaller network are found, with the units they affect."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from compress.channels.units import UnitMap, find_units
from compress.structure.compare_layers import compare_layers
from compress.structure.shrink import shrink
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch, network_of, with_units


def cut(network: nn.Module, units: UnitMap, keep_U: Tensor) -> nn.Module:
    smaller = copy.deepcopy(network)
    shrink(smaller, units, keep_U)
    return smaller


def every_other(units: UnitMap) -> Tensor:
    return torch.arange(units.total) % 2 == 0


def beside(forward: Callable[[nn.Module, Tensor], Tensor]) -> nn.Module:
    """Two branches side by side, then a third layer."""
    torch.manual_seed(0)
    return network_of(
        forward, left=nn.Conv2d(2, 4, 1), right=nn.Conv2d(2, 6, 1), both=nn.Conv2d(10, 6, 1), last=nn.Conv2d(6, 4, 1),
        head=nn.Linear(4, CLASSES),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_right_cut_has_no_faults(name: str):
    (network, units), images = with_units(name), image_batch()
    keep_U = every_other(units)
    assert compare_layers(network, cut(network, units, keep_U), units, keep_U, images) == []


def test_a_thousandth_too_much_is_found_in_each_place_by_itself():
    def odd(x: Tensor) -> Tensor:
        return x * (1 + 1e-3 * (x.shape[1] != 6))

    def forward(n: nn.Module, images: Tensor) -> Tensor:
        both = n.both(torch.cat([n.left(images), odd(n.right(images))], 1)).relu()
        return n.head(n.last(odd(both)).relu().mean((2, 3)))

    network, images = beside(forward), image_batch()
    units = find_units(network, images)
    assert [(group.root, group.first, group.size) for group in units.groups] == [
        ("left", 0, 4), ("right", 4, 6), ("both", 10, 6), ("last", 16, 4)
    ]  # fmt: skip
    keep_U = every_other(units)
    first, second = compare_layers(network, cut(network, units, keep_U), units, keep_U, images)
    assert first.reason.startswith("both is given other values in the smaller network, 0.10% off")
    assert second.reason.startswith("last is given")
    assert set() < set(first.units) <= {4, 6, 8}
    assert set() < set(second.units) <= {10, 12, 14}


@pytest.mark.parametrize(
    ("harm", "reason", "affected"),
    [
        (lambda smaller: smaller[0].weight.copy_(smaller[0].weight.flip(0)), "1 is given", {0, 2, 4, 6}),  # BatchNorm
        (lambda smaller: smaller[7].bias.add_(1.0), "the output has", set()),
    ],
)
def test_weights_cut_wrongly_are_found_where_they_are_read(harm, reason: str, affected: set[int]):
    (network, units), images = with_units("plain"), image_batch()
    keep_U = every_other(units)
    smaller = cut(network, units, keep_U)
    with torch.no_grad():
        harm(smaller)
    (fault,) = compare_layers(network, smaller, units, keep_U, images)
    assert fault.reason.startswith(reason)
    assert set(fault.units) <= affected


@pytest.mark.parametrize(("after", "message"), [(0, "does not call last"), (2, "calls last more often")])
def test_layers_called_otherwise(after: int, message: str):
    def forward(n: nn.Module, images: Tensor) -> Tensor:
        both = n.both(torch.cat([n.left(images), n.right(images)], 1)).relu()
        for _ in range(1 if n.right.out_channels == 6 else after):
            n.last(both)
        return both.mean((2, 3))[:, :2]

    network, images = beside(forward), image_batch()
    units = find_units(network, images).without(dict.fromkeys(["left", "both", "last"], "for the test"))
    keep_U = every_other(units)
    (fault,) = compare_layers(network, cut(network, units, keep_U), units, keep_U, images)
    assert f"the smaller network {message}" in fault.reason
    assert fault.suspects == (0, 1, 2, 3, 4, 5)  # those of right, which both reads


def test_another_shape_is_a_fault_of_the_units_that_are_read_and_the_comparison_goes_on():
    network, images = built("plain"), image_batch()
    units = find_units(network, images)
    keep_U = every_other(units)
    smaller = cut(network, units, keep_U)
    smaller[0].weight.data, smaller[0].bias.data = smaller[0].weight[:3].detach(), smaller[0].bias[:3].detach()
    smaller[3].weight.data.zero_()
    shape, values = compare_layers(network, smaller, units, keep_U, images)
    assert shape.reason == "1 is given (3, 3, 10, 10) in the smaller network, expected (3, 4, 10, 10)"
    assert set(shape.units) == {0, 2, 4, 6}
    assert values.reason.startswith("7 is given other values")
    assert set(values.units) <= {8, 10, 12}


def test_an_error_names_the_units_of_the_last_layers_before_it():
    def forward(n: nn.Module, images: Tensor) -> Tensor:
        left, right = n.left(images), n.right(images)
        last = n.last(n.both(torch.cat([left, right.view(-1, 6, *right.shape[2:])], 1)))
        return n.head(last.mean((2, 3)))

    network, images = beside(forward), image_batch()
    units = find_units(network, images)
    keep_U = every_other(units)
    (fault,) = compare_layers(network, cut(network, units, keep_U), units, keep_U, images)
    assert fault.reason.startswith("the network does not run after the cut: RuntimeError: shape")
    assert fault.suspects == (4, 5, 6, 7, 8, 9, 0, 1, 2, 3)  # right was called last, before it left
