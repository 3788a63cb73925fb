from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compress.channels.units import find_units
from compress.errors import UsageError
from compress.structure.remove import remove_units, spread_of
from compress.structure.trial_cuts import find_checked_units
from tests.helpers.networks import CLASSES, image_batch, network_of, pooled, unchanged
from tests.helpers.odd_networks import BUILDERS, found


def with_odd(middle: Callable[[Tensor], Tensor], end: Callable[[Tensor], Tensor] = lambda logits: logits) -> nn.Module:
    """Three convolutions and a head; ``middle`` is done to the features of the second, which no graph can show."""
    torch.manual_seed(0)
    return network_of(
        lambda n, x: end(n.head(n.after(middle(n.odd(n.stem(x).relu())).relu()).relu().mean((2, 3)))),
        stem=nn.Conv2d(2, 8, 3), odd=nn.Conv2d(8, 6, 1), after=nn.Conv2d(6, 4, 1), head=nn.Linear(4, CLASSES),
    ).eval()  # fmt: skip


def divided(x: Tensor) -> Tensor:
    return x / x.shape[1]


@pytest.mark.parametrize("middle", [divided, lambda x: x.view(-1, 6, *x.shape[2:])], ids=["divided", "viewed"])
def test_a_layer_whose_code_needs_its_width_is_not_pruned_and_the_rest_is(middle: Callable[[Tensor], Tensor]):
    network, images = with_odd(middle), image_batch()
    assert [group.root for group in find_units(network, images).groups] == ["stem", "odd", "after"]
    units = find_checked_units(network, images, seed=0)
    assert [group.root for group in units.groups] == ["stem", "after"]
    assert "cannot be cut" in units.not_pruned["odd"]
    keep = torch.arange(units.total) % 2 == 1
    assert remove_units(network, units, keep, images).max_abs_difference <= 1e-6


NUMBERS = {
    "split": (lambda n, x: torch.cat([n.more(x.split([2, 4], 1)[0]), x], 1), 2, 15, {"odd[0:2]", "odd[2:6]"}, {"more"}),
    "padded": (lambda n, x: n.more(x) + F.pad(x, (0, 0, 0, 0, 0, 3)), 6, 9, {"more[6:9]"}, {"odd"}),
}
"""Numbers in the code: what is done to ``odd``; widths that ``more`` and ``after`` read; what is not pruned, and is."""


@pytest.mark.parametrize("name", NUMBERS)
def test_parts_whose_size_is_a_number_in_the_code_are_not_pruned_and_the_rest_is(name: str):
    middle, more, after, whole, pruned = NUMBERS[name]
    torch.manual_seed(0)
    network = network_of(
        lambda n, x: n.head(n.after(middle(n, n.odd(n.stem(x).relu())).relu()).relu().mean((2, 3))),
        stem=nn.Conv2d(2, 8, 3), odd=nn.Conv2d(8, 6, 1), more=nn.Conv2d(more, 9, 1), after=nn.Conv2d(after, 4, 1),
        head=nn.Linear(4, CLASSES),
    ).eval()  # fmt: skip
    units = find_checked_units(network, image_batch(), seed=0)
    assert set(units.not_pruned_before_head) == whole
    assert {group.root for group in units.groups} == {"stem", "after"} | pruned


@pytest.mark.parametrize("name", BUILDERS)
def test_a_network_without_faults_loses_no_group(name: str):
    network, units = found(name)
    assert find_checked_units(network, image_batch(), seed=1).groups == units.groups


def test_a_fault_behind_a_head_of_zeros_is_found():
    network, images = with_odd(divided), image_batch()
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)
    assert "odd" in find_checked_units(network, images, seed=0).not_pruned
    assert not network.head.weight.any()


def test_samples_that_touch_each_other_are_found():
    units = find_checked_units(with_odd(lambda x: x - x.mean(0, keepdim=True)), image_batch(), seed=0)
    assert [group.root for group in units.groups] == ["odd", "after"]  # these are read behind the mean
    assert "a state alone and in a population differ" in units.not_pruned["stem"]


def test_a_network_in_which_no_layer_can_be_cut_is_refused():
    network = network_of(
        lambda n, x: n.head(n.stem(x).relu().view(-1, 8, 10, 10).mean((2, 3))),
        stem=nn.Conv2d(2, 8, 3), head=nn.Linear(8, CLASSES),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"nothing can be pruned .*stem: it cannot be cut: the network does not run"):
        find_checked_units(network.eval(), image_batch(), seed=0)


def hidden(run: Callable[[nn.Module, Tensor], Tensor]) -> nn.Module:
    """A layer of 12 channels between two others; ``run`` goes on from the features of the stem."""
    torch.manual_seed(0)
    network = network_of(
        lambda n, x: run(n, n.norm(n.stem(x)).relu()),
        stem=nn.Conv2d(2, 8, 3, padding=1), norm=nn.BatchNorm2d(8), wide=nn.Conv2d(8, 12, 3, padding=1),
        narrow=nn.Conv2d(12, 8, 3, padding=1), aux=nn.Conv2d(12, 12, 1), gate=nn.Parameter(torch.tensor(-20.0)),
        quiet=nn.BatchNorm2d(8), head=nn.Linear(8, CLASSES),
    )  # fmt: skip
    nn.init.zeros_(network.quiet.weight)
    return network


def out(net: nn.Module, features: Tensor) -> Tensor:
    return net.head(features.mean((2, 3)))


def training_only(net: nn.Module, x: Tensor) -> Tensor:
    x = net.wide(x).relu()
    return out(net, net.narrow(x + 0.1 * net.aux(x) if net.training else x))


def fails(net: nn.Module, x: Tensor, error: Exception) -> Tensor:
    x = net.wide(x).relu()
    if x.shape[1] != 12:
        raise error
    return out(net, net.narrow(x))


def by_width(net: nn.Module, x: Tensor) -> Tensor:
    x = net.wide(x).relu()
    return net.narrow(x / x.shape[1])


HIDDEN = {
    "in training only": (training_only, "it cannot be trained after the cut: RuntimeError: Given groups=1"),
    "a division by zero": (lambda net, x: fails(net, x, ZeroDivisionError("by zero")), "ZeroDivisionError: by zero"),
    "a key": (lambda net, x: fails(net, x, KeyError(6)), "KeyError: 6"),
    "an error of its own": (lambda net, x: fails(net, x, Exception("12 wanted")), "Exception: 12 wanted"),
    "under a softmax": (lambda net, x: (40 * out(net, by_width(net, x))).softmax(1), "narrow is given other values"),
    "behind a closed gate": (lambda net, x: out(net, x + net.gate.sigmoid() * by_width(net, x)), "narrow is given"),
    "behind BatchNorm at zero": (lambda net, x: out(net, x + net.quiet(by_width(net, x))), "narrow is given other"),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_a_fault_is_found_wherever_it_hides(where: str):
    run, reason = HIDDEN[where]
    network = hidden(run).train()
    state = torch.random.get_rng_state()
    with unchanged(network):
        units = find_checked_units(network, image_batch(), seed=0)
    assert reason in units.not_pruned["wide"]
    assert [group.root for group in units.groups] == ["stem"] + ["narrow"] * (len(units.groups) - 1)
    assert torch.equal(torch.random.get_rng_state(), state)


def alike(widths: tuple[int, int, int], *, fixed: bool) -> nn.Module:
    """Adds what has become as wide as it: never before the cut."""
    first, second, third = widths

    def forward(n: nn.Module, images: Tensor) -> Tensor:
        first = n.first(images).relu()
        second = n.norm(n.second(first)).relu()
        if first.shape == second.shape:
            second = second + first
        return n.head(n.third(second).relu().mean((2, 3)))

    return network_of(
        forward,
        first=nn.Conv2d(2, first, 3, padding=1), second=nn.Conv2d(first, second, 1), third=nn.Conv2d(second, third, 1),
        norm=nn.GroupNorm(1, second) if fixed else nn.Identity(), head=nn.Linear(third, CLASSES),
    ).eval()  # fmt: skip


@pytest.mark.parametrize(
    ("widths", "fixed"), [((16, 12, 8), False), ((24, 8, 6), False), ((16, 8, 10), True), ((64, 48, 32), False)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_code_that_compares_shapes_finds_no_equal_ones_later(widths: tuple[int, int, int], fixed: bool, seed: int):
    torch.manual_seed(seed)
    network, images = alike(widths, fixed=fixed), image_batch()
    units = find_checked_units(network, images, seed=seed)
    (group,) = units.groups
    assert group.root == "third"
    for other in {*widths} & {*range(1, group.size)}:
        keep = torch.arange(group.size) >= group.size - other
        assert remove_units(network, units, keep, images).max_abs_difference <= 1e-5


def test_an_output_that_hardly_depends_on_the_image_is_refused():
    network = with_odd(divided, lambda logits: (1e6 * logits + torch.arange(CLASSES) * 1e9).softmax(1))
    with pytest.raises(UsageError, match=r"output hardly depends on the image .* return the logits themselves"):
        find_checked_units(network, image_batch(), seed=0)


def test_a_deep_network_with_small_fresh_weights_is_not():
    """Each layer of torch's default weights leaves 0.4 of the signal; 24 leave less than float32 can see."""
    torch.manual_seed(0)
    layers = [layer for width in range(23) for layer in (nn.Conv2d(2 if width == 0 else 8, 8, 3, padding=1), nn.ReLU())]
    network = nn.Sequential(*layers, *pooled(8))
    images = image_batch()
    spread = spread_of(network(images).detach())
    assert spread < 1e-6
    assert len(find_checked_units(network, images, seed=0).groups) == 23


def pairs(count: int, *, wrong: range, fails: bool) -> tuple[nn.Module, list[int]]:
    """Pairs of layers, some wrong when cut (an error, or other values); and the number of forward passes so far."""
    calls = [0]

    def forward(n: nn.Module, images: Tensor) -> Tensor:
        calls[0] += 1
        x = n.stem(images).relu()
        for place, (inner, outer) in enumerate(zip(n.inner, n.outer, strict=True)):
            y = inner(x).relu()
            if place in wrong:
                y = y.reshape(len(y), 6, 100).reshape(y.shape) if fails else divided(y)
            x = x + outer(y)
        return n.head(x.mean((2, 3)))

    torch.manual_seed(0)
    network = network_of(
        forward,
        stem=nn.Conv2d(2, 4, 3), head=nn.Linear(4, CLASSES),
        inner=nn.ModuleList(nn.Conv2d(4, 6, 1) for _ in range(count)),
        outer=nn.ModuleList(nn.Conv2d(6, 4, 1) for _ in range(count)),
    )  # fmt: skip
    return network, calls


@pytest.mark.parametrize(
    ("wrong", "fails", "most"), [(range(1, 26), False, 40), (range(1, 26), True, 160), (range(19, 20), True, 40)]
)
def test_wrong_groups_among_many_are_found_in_few_trials(wrong: range, fails: bool, most: int):
    network, calls = pairs(26, wrong=wrong, fails=fails)
    units = find_checked_units(network, image_batch(), seed=0)
    assert set(units.not_pruned_before_head) == {f"inner.{place}" for place in wrong}
    assert calls[0] < most
