from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from compress.channels.masks import masked
from compress.channels.units import find_units
from compress.errors import BadInputError, CheckFailedError
from compress.structure.plan import PruningPlan, plan_from_state
from compress.structure.remove import TOLERANCE, check_trains, cut, is_conclusive, remove_units, restore_full_network
from models_zoo.zoo import build_network
from tests.helpers.networks import (
    CLASSES,
    NETWORKS,
    built,
    image_batch,
    network_of,
    random_state,
    same_state,
    unchanged,
    with_units,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95))
@pytest.mark.parametrize("name", NETWORKS)
def test_masked_equals_physical(name: str, seed: int, share: float):
    (network, units), images = with_units(name, seed=seed), image_batch(5, seed=seed)
    keep = random_state(units, seed=seed, share=share)
    with unchanged(network):
        result = remove_units(network, units, keep, images)
    with masked(network, units, keep.float()), torch.no_grad():
        difference = (network(images) - result.network(images)).abs().max().item()
    assert difference <= TOLERANCE
    assert result.tolerance >= TOLERANCE
    assert result.max_abs_difference == pytest.approx(difference, abs=1e-6)
    assert result.network(images).shape == (5, CLASSES)


@pytest.mark.parametrize(("arch", "size"), [("squeezenet", 48), ("resnet18", 32), ("resnet50", 32), ("alexnet", 64)])
@pytest.mark.parametrize("seed", [0, 1])
def test_masked_equals_physical_on_the_zoo(arch: str, size: int, seed: int):
    torch.manual_seed(seed)
    network = build_network(arch, classes=7, channels=3, image_size=size)
    images = torch.randn(4, 3, size, size)
    network.train()(images)  # BatchNorm statistics that are not the trivial ones
    units = find_units(network.eval(), images)
    result = remove_units(network, units, random_state(units, seed=seed), images)
    assert result.max_abs_difference <= TOLERANCE
    assert result.network(images).shape == (4, 7)


def test_layers_before_and_after():
    (network, units), images = with_units("residual"), image_batch()
    keep = torch.ones(15, dtype=torch.bool)
    keep[[0, 1, 9]] = False
    changes = {layer.name: layer for layer in remove_units(network, units, keep, images).layers}
    assert (changes["stem"].in_after, changes["stem"].out_after) == (2, 6)
    assert (changes["inner"].in_after, changes["inner"].out_after) == (6, 6)
    assert (changes["head"].in_before, changes["head"].in_after, changes["head"].out_after) == (8, 6, CLASSES)


def cut_and_trained(network: nn.Module, plan: PruningPlan, images: torch.Tensor) -> nn.Module:
    """The smaller network with other weights than the whole one's."""
    smaller = cut(network, plan, images)
    with torch.no_grad():
        for parameter in smaller.parameters():
            parameter.add_(1.0)
    return smaller


@pytest.mark.parametrize("name", NETWORKS)
def test_restoring_is_the_inverse_of_the_cut(name: str):
    (network, units), images = with_units(name), image_batch()
    plan = plan_from_state(units, random_state(units, seed=4))
    smaller = cut_and_trained(network, plan, images)
    whole = restore_full_network(smaller, network, units, plan)
    assert same_state(cut(whole, plan, images), smaller)
    moved = sum((a != b).sum() for a, b in zip(whole.parameters(), network.parameters(), strict=True))
    assert moved == sum(p.numel() for p in smaller.parameters())


def test_wrong_units_are_found_by_the_check():
    (network, units), images = with_units("plain"), image_batch()
    wrong = replace(units, reads={name: unit.flip(0) for name, unit in units.reads.items()})
    keep = torch.ones(units.total, dtype=torch.bool)
    keep[:4] = False
    with pytest.raises(CheckFailedError, match="masked and smaller network differ by"):
        remove_units(network, wrong, keep, images)


def test_a_plan_for_another_network_is_refused():
    plan = PruningPlan({"stem": (0, 1)}, {"stem": 64})
    with pytest.raises(BadInputError, match="expects a layer stem of width 64"):
        cut(built("residual"), plan, image_batch())


def test_a_network_that_cannot_run_after_the_cut_is_refused():
    network = network_of(
        lambda n, x: n.head(n.stem(x)[:, :, :2, :2].reshape(-1, 4 * 2 * 2)),  # a number in the code, where -1 would do
        stem=nn.Conv2d(2, 4, 1),
        head=nn.Linear(4 * 4, CLASSES),
    )
    with pytest.raises(CheckFailedError, match="does not run after the cut"):
        cut(network.eval(), PruningPlan({"stem": (0, 2)}, {"stem": 4}), image_batch())


def test_a_plan_that_cuts_a_layer_that_is_not_pruned_is_refused():
    with pytest.raises(BadInputError, match=r"it cuts head, which is not pruned \(it feeds the network's output\)"):
        cut(built("residual"), PruningPlan({"head": (0, 2)}, {"head": CLASSES}), image_batch())


def alias(end: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits) -> nn.Module:
    """Layers under two names each."""
    inner, norm = nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6)
    return network_of(
        lambda n, x: end(n.head(n.after(n.other_norm(n.alias(n.stem(x).relu()))).mean((2, 3)))),
        stem=nn.Conv2d(2, 8, 3), inner=inner, norm=norm, after=nn.Conv2d(6, 8, 1), head=nn.Linear(8, CLASSES),
        alias=inner, other_norm=norm,
    ).eval()  # fmt: skip


def test_restoring_knows_a_layer_by_all_its_names():
    network, images = alias(), image_batch()
    units = find_units(network, images)
    plan = plan_from_state(units, random_state(units, seed=4))
    smaller = cut_and_trained(network, plan, images)
    whole = restore_full_network(smaller, network, units, plan)
    assert whole.alias is whole.inner
    kept = list(plan.kept["inner"])
    assert torch.equal(whole.inner.weight[kept][:, list(plan.kept["stem"])], smaller.inner.weight)
    dropped = sorted(set(range(plan.widths["inner"])) - set(plan.kept["inner"]))
    assert torch.equal(whole.inner.weight[dropped], network.inner.weight[dropped])
    assert torch.equal(whole.norm.weight[kept], smaller.norm.weight)


@pytest.mark.parametrize(
    ("spread", "difference", "largest", "conclusive"),
    [
        (0.1, 9e-4, 1.0, True),
        (0.1, 1.1e-3, 1.0, False),  # less than a hundred times the difference
        (1e-3, 3e-9, 0.02, True),  # AlexNet with fresh weights
        (1e-3, 0.0, 100.0, False),  # float32 rounds 100 to 1e-5
        (0.0, 0.0, 0.0, False),
    ],
)
def test_a_check_is_conclusive_only_if_images_differ_by_more(
    spread: float, difference: float, largest: float, conclusive: bool
):
    assert is_conclusive(spread, difference, largest=largest) is conclusive


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_the_result_says_whether_its_check_is_conclusive(scale: float):
    network, images = alias(lambda logits: (logits + scale * torch.arange(CLASSES)).softmax(1)), image_batch()
    units = find_units(network, images)
    assert remove_units(network, units, random_state(units, seed=1), images).conclusive is (scale == 1.0)


def test_a_step_of_training_is_tried_with_a_single_image_too():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2 * 12 * 12, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    state = torch.random.get_rng_state()
    check_trains(network, image_batch(1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert network[1].weight.grad is not None
    network[4] = nn.Linear(5, 3)
    with pytest.raises(CheckFailedError, match="it cannot be trained after the cut: RuntimeError"):
        check_trains(network, image_batch())
