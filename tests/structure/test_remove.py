from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.channels.masks import masked, population_logits
from compress.channels.units import find_units
from compress.errors import BadInputError, CheckFailedError
from compress.structure.plan import PruningPlan, plan_from_state
from compress.structure.remove import TOLERANCE, check_trains, cut, is_conclusive, remove_units, restore_full_network
from models_zoo.zoo import build_network
from tests.helpers.networks import CLASSES, NETWORKS, image_batch, network_of, random_state, same_state, unchanged
from tests.helpers.odd_networks import BUILDERS, found


@pytest.mark.parametrize("name", BUILDERS)
def test_masked_is_physical_alone_and_in_a_population(name: str):
    (network, units), images = found(name), image_batch(4, seed=3)
    states = [random_state(units, seed=seed, share=share) for seed, share in enumerate((0.5, 0.5, 0.5, 0.1, 0.8))]
    with unchanged(network):
        together = population_logits(network, units, torch.stack(states).float(), images)
        results = [remove_units(network, units, keep, images) for keep in states]
    for keep, logits, result in zip(states, together, results, strict=True):
        with masked(network, units, keep.float()), torch.no_grad():
            expected = network(images)
        with torch.no_grad():
            found_here, whole = result.network(images), network(images)
        assert torch.allclose(expected, logits, atol=1e-6)
        assert keep.all() or (whole - logits).abs().max() > 1e-4  # the cut shows in the logits
        assert result.max_abs_difference == pytest.approx((expected - found_here).abs().max().item(), abs=1e-6)
        assert result.max_abs_difference <= 1e-5
        assert found_here.shape == (4, CLASSES)


@pytest.mark.parametrize(("arch", "size"), [("squeezenet", 48), ("resnet18", 32), ("resnet50", 32), ("alexnet", 64)])
def test_masked_equals_physical_on_the_zoo(arch: str, size: int):
    torch.manual_seed(0)
    network = build_network(arch, classes=7, channels=3, image_size=size)
    images = torch.randn(2, 3, size, size)
    network.train()(images)  # BatchNorm statistics that are not the trivial ones
    units = find_units(network.eval(), images)
    result = remove_units(network, units, random_state(units), images)
    assert result.max_abs_difference <= TOLERANCE
    assert result.network(images).shape == (2, 7)


def test_layers_before_and_after():
    (network, units), images = found("residual"), image_batch()
    keep = torch.ones(15, dtype=torch.bool)
    keep[[0, 1, 9]] = False
    changes = {layer.name: layer for layer in remove_units(network, units, keep, images).layers}
    assert (changes["stem"].in_after, changes["stem"].out_after) == (2, 6)
    assert (changes["inner"].in_after, changes["inner"].out_after) == (6, 6)
    assert (changes["head"].in_before, changes["head"].in_after, changes["head"].out_after) == (8, 6, CLASSES)


def test_wrong_units_are_found_by_the_check():
    (network, units), images = found("plain"), image_batch()
    wrong = replace(units, reads={name: unit.flip(0) for name, unit in units.reads.items()})
    keep = torch.ones(units.total, dtype=torch.bool)
    keep[:4] = False
    with pytest.raises(CheckFailedError, match="masked and smaller network differ by"):
        remove_units(network, wrong, keep, images)


@pytest.mark.parametrize(
    ("root", "width", "message"),
    [
        ("stem", 64, "expects a layer stem of width 64"),
        ("head", CLASSES, r"it cuts head, which is not pruned \(it feeds the network's output\)"),
    ],
)
def test_a_plan_that_does_not_fit_the_network_is_refused(root: str, width: int, message: str):
    with pytest.raises(BadInputError, match=message):
        cut(found("residual")[0], PruningPlan({root: (0, 1)}, {root: width}), image_batch())


def test_a_network_that_cannot_run_after_the_cut_is_refused():
    network = network_of(
        lambda n, x: n.head(n.stem(x)[:, :, :2, :2].reshape(-1, 4 * 2 * 2)),  # a number in the code, where -1 would do
        stem=nn.Conv2d(2, 4, 1), head=nn.Linear(4 * 4, CLASSES),
    )  # fmt: skip
    with pytest.raises(CheckFailedError, match="does not run after the cut"):
        cut(network.eval(), PruningPlan({"stem": (0, 2)}, {"stem": 4}), image_batch())


def alias(end: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits) -> nn.Module:
    """Layers under two names each."""
    inner, norm = nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6)
    return network_of(
        lambda n, x: end(n.head(n.after(n.other_norm(n.alias(n.stem(x).relu()))).mean((2, 3)))),
        stem=nn.Conv2d(2, 8, 3), inner=inner, norm=norm, after=nn.Conv2d(6, 8, 1), head=nn.Linear(8, CLASSES),
        alias=inner, other_norm=norm,
    ).eval()  # fmt: skip


@pytest.mark.parametrize("name", [*NETWORKS, "alias"])
def test_restoring_is_the_inverse_of_the_cut(name: str):
    network, images = BUILDERS.get(name, alias)(), image_batch()
    units = find_units(network, images)
    plan = plan_from_state(units, random_state(units, seed=4))
    smaller = cut(network, plan, images)
    with torch.no_grad():
        for parameter in smaller.parameters():
            parameter.add_(1.0)  # other weights than the whole network's
    whole = restore_full_network(smaller, network, units, plan)
    assert same_state(cut(whole, plan, images), smaller)
    moved = sum((a != b).sum() for a, b in zip(whole.parameters(), network.parameters(), strict=True))
    assert moved == sum(p.numel() for p in smaller.parameters())
    assert name != "alias" or whole.alias is whole.inner


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
def test_a_check_is_conclusive_only_if_images_differ_by_more(spread, difference, largest, conclusive):
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
