import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from compress.channels.units import find_units
from compress.errors import UsageError
from compress.structure.remove import remove_units, spread_of
from compress.structure.trial_cuts import find_checked_units
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch


class OddCorner(nn.Module):
    """Its second branch holds a number that only fits the whole network; no graph can show it."""

    def __init__(self, corner: str) -> None:
        super().__init__()
        self.corner = corner
        self.stem = nn.Conv2d(2, 8, 3)
        self.odd = nn.Conv2d(8, 6, 1)
        self.after = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        odd = self.odd(self.stem(images).relu())
        if self.corner == "divides by its width":
            odd = odd / odd.shape[1]
        if self.corner == "asks for its width":
            odd = odd.view(-1, 6, *odd.shape[2:])
        return self.head(self.after(odd.relu()).relu().mean((2, 3)))


@pytest.mark.parametrize("corner", ["divides by its width", "asks for its width"])
def test_an_odd_corner_is_not_pruned_and_the_rest_is(corner: str):
    torch.manual_seed(0)
    network, images = OddCorner(corner).eval(), image_batch()
    assert [group.root for group in find_units(network, images).groups] == ["stem", "odd", "after"]
    units = find_checked_units(network, images, seed=0)
    assert [group.root for group in units.groups] == ["stem", "after"]
    assert "cannot be cut" in units.not_pruned["odd"]
    keep = torch.ones(units.total, dtype=torch.bool)
    keep[::2] = False
    assert remove_units(network, units, keep, images).max_abs_difference <= 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_without_faults_loses_no_group(name: str):
    network, images = built(name), image_batch()
    assert find_checked_units(network, images, seed=1).groups == find_units(network, images).groups


def test_a_fault_behind_a_head_of_zeros_is_found():
    torch.manual_seed(0)
    network, images = OddCorner("divides by its width").eval(), image_batch()
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)
    assert "odd" in find_checked_units(network, images, seed=0).not_pruned
    assert not network.head.weight.any()


def test_samples_that_touch_each_other_are_found():
    class Together(OddCorner):
        def forward(self, images: Tensor) -> Tensor:
            odd = self.odd(self.stem(images).relu())
            return self.head(self.after(odd - odd.mean(0, keepdim=True)).relu().mean((2, 3)))

    torch.manual_seed(0)
    units = find_checked_units(Together("").eval(), image_batch(), seed=0)
    assert [group.root for group in units.groups] == ["odd", "after"]  # these are read behind the mean
    assert "a state alone and in a population differ" in units.not_pruned["stem"]


def test_a_network_that_is_odd_all_over_is_refused():
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(2, 8, 3), nn.Linear(8, CLASSES)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.stem(images).relu().view(-1, 8, 10, 10).mean((2, 3)))

    with pytest.raises(
        UsageError, match=r"nothing can be pruned in this network \(.*stem: it cannot be cut: the network does not run"
    ):
        find_checked_units(Fixed().eval(), image_batch(), seed=0)


class Hidden(nn.Module):
    """A layer of 12 channels between two others; what ``run`` makes of them goes to the head."""

    def __init__(self, run: Callable[["Hidden", Tensor], Tensor]) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.wide, self.narrow = nn.Conv2d(8, 12, 3, padding=1), nn.Conv2d(12, 8, 3, padding=1)
        self.aux, self.gate, self.quiet = nn.Conv2d(12, 12, 1), nn.Parameter(torch.tensor(-20.0)), nn.BatchNorm2d(8)
        nn.init.zeros_(self.quiet.weight)
        self.head = nn.Linear(8, CLASSES)
        self.run = run

    def forward(self, images: Tensor) -> Tensor:
        return self.run(self, self.norm(self.stem(images)).relu())

    def out(self, features: Tensor) -> Tensor:
        return self.head(features.mean((2, 3)))


def training_only(net: Hidden, x: Tensor) -> Tensor:
    x = net.wide(x).relu()
    return net.out(net.narrow(x + 0.1 * net.aux(x) if net.training else x))


def fails(net: Hidden, x: Tensor, error: Exception) -> Tensor:
    x = net.wide(x).relu()
    if x.shape[1] != 12:
        raise error
    return net.out(net.narrow(x))


def by_width(net: Hidden, x: Tensor) -> Tensor:
    x = net.wide(x).relu()
    return net.narrow(x / x.shape[1])


HIDDEN = {
    "in training only": (training_only, "it cannot be trained after the cut: RuntimeError: Given groups=1"),
    "a division by zero": (lambda net, x: fails(net, x, ZeroDivisionError("by zero")), "ZeroDivisionError: by zero"),
    "a key": (lambda net, x: fails(net, x, KeyError(6)), "KeyError: 6"),
    "an error of its own": (lambda net, x: fails(net, x, Exception("12 wanted")), "Exception: 12 wanted"),
    "under a softmax": (lambda net, x: (40 * net.out(by_width(net, x))).softmax(1), "narrow is given other values"),
    "behind a closed gate": (
        lambda net, x: net.out(x + net.gate.sigmoid() * by_width(net, x)),
        "narrow is given other values",
    ),
    "behind BatchNorm at zero": (lambda net, x: net.out(x + net.quiet(by_width(net, x))), "narrow is given other"),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_a_fault_is_found_wherever_it_hides(where: str):
    torch.manual_seed(0)
    run, reason = HIDDEN[where]
    network = Hidden(run).train()
    before = copy.deepcopy(network.state_dict())
    state = torch.random.get_rng_state()
    units = find_checked_units(network, image_batch(), seed=0)
    assert reason in units.not_pruned["wide"]
    assert [group.root for group in units.groups] == ["stem"] + ["narrow"] * (len(units.groups) - 1)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


class Alike(nn.Module):
    """Adds what has become as wide as it: never before the cut."""

    def __init__(self, widths: tuple[int, int, int], *, fixed: bool) -> None:
        super().__init__()
        first, second, third = widths
        self.first, self.second = nn.Conv2d(2, first, 3, padding=1), nn.Conv2d(first, second, 1)
        self.third, self.norm = nn.Conv2d(second, third, 1), nn.GroupNorm(2, second) if fixed else nn.Identity()
        self.head = nn.Linear(third, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        first = self.first(images).relu()
        second = self.norm(self.second(first)).relu()
        if first.shape == second.shape:
            second = second + first
        return self.head(self.third(second).relu().mean((2, 3)))


@pytest.mark.parametrize(
    ("widths", "fixed"), [((16, 12, 8), False), ((24, 8, 6), False), ((16, 8, 10), True), ((64, 48, 32), False)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_code_that_compares_shapes_finds_no_equal_ones_later(widths: tuple[int, int, int], fixed: bool, seed: int):
    torch.manual_seed(seed)
    network, images = Alike(widths, fixed=fixed).eval(), image_batch()
    units = find_checked_units(network, images, seed=seed)
    assert {group.root for group in units.groups} == {"third"}
    for group in units.groups:
        for other in {*widths} & {*range(1, group.size)}:
            keep = torch.ones(units.total, dtype=torch.bool)
            keep[group.first : group.first + group.size - other] = False
            assert remove_units(network, units, keep, images).max_abs_difference <= 1e-5


def test_an_output_that_hardly_depends_on_the_image_is_refused():
    class Deaf(OddCorner):
        def forward(self, images: Tensor) -> Tensor:
            return (1e6 * super().forward(images) + torch.arange(CLASSES) * 1e9).softmax(1)

    with pytest.raises(UsageError, match=r"output hardly depends on the image .* return the logits themselves"):
        find_checked_units(Deaf("").eval(), image_batch(), seed=0)


def test_a_deep_network_with_small_fresh_weights_is_not():
    """Each layer of torch's default weights leaves 0.4 of the signal; 24 leave less than float32 can see."""
    torch.manual_seed(0)
    layers = [layer for width in range(23) for layer in (nn.Conv2d(2 if width == 0 else 8, 8, 3, padding=1), nn.ReLU())]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    images = image_batch()
    spread = spread_of(network(images).detach())
    assert spread < 1e-6
    assert len(find_checked_units(network, images, seed=0).groups) == 23


def test_any_error_of_a_network_is_reported():
    class Broken(OddCorner):
        def forward(self, images: Tensor) -> Tensor:
            return self.stem(images) * (1 // 0)

    with pytest.raises(UsageError, match=r"does not run on images of shape .*ZeroDivisionError"):
        find_checked_units(Broken(""), image_batch(), seed=0)
