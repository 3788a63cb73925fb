"""The scores against numbers by hand, and against torch-pruning used as its documentation says."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.controls.torch_pruning_scores import BATCH, TORCH_PRUNING, torch_pruning_keys, torch_pruning_scores
from compress.structure.shrink import import_torch_pruning
from tests.controls.tasks import task_of
from tests.helpers.networks import image_batch, prunable_of, unchanged
from tests.helpers.splits import TensorSplit, learnable_split

tp = import_torch_pruning()
IMPORTANCES = {
    "taylor": tp.importance.GroupTaylorImportance,
    "hessian": tp.importance.GroupHessianImportance,
    "lamp": tp.importance.LAMPImportance,
    "fpgm": tp.importance.FPGMImportance,
    "group-norm": tp.importance.GroupMagnitudeImportance,
}


def chain():
    """Two filters of one weight each, and the head that reads them."""
    network = nn.Sequential(nn.Conv2d(2, 2, 12, bias=False), nn.Flatten(), nn.Linear(2, 5, bias=False)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network[0].weight[:, 0, 0, 0] = torch.tensor([3.0, 1.0])
        network[2].weight[:2] = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
    return network


def task(network, split):
    return replace(task_of("plain"), network=network, prunable=prunable_of(network, share=None), train=split)


def test_norms_and_lamp_by_hand():
    """Filter 0: 3^2 made, 1 + 1 read; filter 1: 1 made, 4 read. Means over the two layers: 5.5 and 2.5."""
    given = task(chain(), learnable_split(10))
    assert torch_pruning_scores(given, "group-norm").tolist() == pytest.approx([5.5 / 4, 2.5 / 4])
    assert torch_pruning_scores(given, "lamp").tolist() == pytest.approx([1.0, 2.5 / 8])


def test_the_hessian_is_the_mean_over_images_of_squared_gradients():
    given = task(chain(), learnable_split(6))
    weights = [given.network[0].weight, given.network[2].weight]
    squares = [torch.zeros_like(weight) for weight in weights]
    for images, labels in given.train.batches(1):
        loss = functional.cross_entropy(given.network(images), labels)
        for square, gradient in zip(squares, torch.autograd.grad(loss, weights), strict=True):
            square.add_(gradient**2 / 6)
    made = (weights[0] ** 2 * squares[0]).sum((1, 2, 3))
    read = (weights[1] ** 2 * squares[1]).sum(0)
    expected = (made + read) / (made + read).mean()
    assert torch_pruning_scores(given, "hessian").tolist() == pytest.approx(expected.tolist(), rel=1e-5)


@pytest.mark.parametrize("name", ["residual", "concat", "squeeze and excite"])
@pytest.mark.parametrize("importance", IMPORTANCES)
def test_its_own_pruner_keeps_the_units_of_our_highest_scores(name, importance):
    images = 1 if importance == "hessian" else 40  # its accumulate_grad keeps the last image
    given = replace(task_of(name), train=learnable_split(images))
    with unchanged(given.network):
        scores = torch_pruning_scores(given, importance)
    network, score = copy.deepcopy(given.network), IMPORTANCES[importance]()
    losses = functional.cross_entropy(network(given.train._images), given.train.labels, reduction="none")
    if importance == "hessian":
        losses[0].backward()
        score.accumulate_grad(network)
    else:
        losses.mean().backward()
    pruner = tp.pruner.MetaPruner(
        network, image_batch(1), importance=score, global_pruning=True, pruning_ratio=0.5,
        ignored_layers=[network.head], in_channel_groups={}, out_channel_groups={},
    )  # fmt: skip
    pruner.step()
    units = given.prunable.units
    keep = scores > scores.sort().values[units.total - units.total // 2 - 1]
    for group in units.groups:
        made, cut = given.network.get_submodule(group.layer), network.get_submodule(group.layer)
        kept = made.bias[keep[group.units]] if made.bias is not None else None
        assert cut.out_channels == int(keep[group.units].sum())
        assert kept is None or torch.equal(cut.bias, kept)


def test_gradients_are_taken_over_ten_minibatches_and_do_not_depend_on_the_mode():
    given = task_of("plain")
    many = learnable_split(11 * BATCH)
    given.network.train()
    scores = torch_pruning_scores(replace(given, train=many), "taylor")
    assert torch.equal(scores, torch_pruning_scores(replace(given, train=many), "taylor"))
    order = torch.Generator().manual_seed(given.seed * 1000)
    seen = torch.randperm(len(many), generator=order)[: 10 * BATCH]
    first = TensorSplit(many._images[seen], many.labels[seen])
    again = torch_pruning_scores(replace(given, train=first), "taylor")
    assert scores.tolist() == pytest.approx(again.tolist(), rel=1e-4)


def test_a_group_whose_weights_are_all_zero_scores_zero():
    given = task_of("plain")
    with torch.no_grad():
        for parameter in (given.network[3].weight, given.network[7].weight):
            parameter.zero_()
    for importance in ("taylor", "fpgm", "lamp"):
        assert torch_pruning_scores(given, importance)[8:].tolist() == [0.0] * 6


def test_keys_compare_scores_between_groups_or_rank_within_each():
    given = task_of("residual")
    units, scores = given.prunable.units, torch_pruning_scores(given, "group-norm")
    keys = torch_pruning_keys(given, units, method="tp-group-norm")
    assert keys.argsort().tolist() == scores.argsort().tolist()
    shares = torch_pruning_keys(given, units, method="tp-group-norm-uniform")
    for group in units.groups:
        assert shares[group.units].max() == 1
        assert shares[group.units].argsort().tolist() == scores[group.units].argsort().tolist()
    assert {name.removeprefix("tp-").removesuffix("-uniform") for name in TORCH_PRUNING} == {*IMPORTANCES}
