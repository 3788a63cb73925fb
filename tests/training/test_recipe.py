"""Recipes: what is decided, optimizers, schedules, the loss, BatchNorm that is kept, bfloat16."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.settings.config import RunConfig
from compress.training.recipe import (
    PAPER,
    Recipe,
    build_optimizer,
    build_schedule,
    choose_recipe,
    decided_settings,
    fresh_recipe,
)
from compress.training.weights import OptimizerSteps
from models_zoo.zoo import build_network


def chosen(network: nn.Module, *, trained: bool = False, **settings) -> Recipe:
    return choose_recipe(network, RunConfig(arch="squeezenet", **settings), trained=trained)


def rates(recipe, *, steps: int, steps_per_epoch: int) -> list[float]:
    optimizer = build_optimizer(nn.Linear(2, 2), recipe)
    schedule = build_schedule(optimizer, recipe, steps=steps, steps_per_epoch=steps_per_epoch)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_the_papers_recipe():
    optimizer = build_optimizer(nn.Linear(2, 2), PAPER)
    assert isinstance(optimizer, torch.optim.Adadelta)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["rho"], group["eps"], group["weight_decay"]) == (1.0, 0.9, 1e-6, 1e-5)
    found = rates(PAPER, steps=202, steps_per_epoch=2)
    assert found[0] == found[99] == 1.0
    assert found[100] == pytest.approx(0.1)
    assert found[201] == pytest.approx(0.01)


def test_the_papers_schedule_goes_on_where_another_optimizer_has_trained():
    found = rates(replace(PAPER, epochs_behind=20), steps=90, steps_per_epoch=1)  # epochs 21 to 110
    assert found == pytest.approx([1.0] * 30 + [0.1] * 50 + [0.01] * 10)


def test_one_cycle_rises_to_the_peak_and_falls_to_nearly_nothing():
    recipe = chosen(build_network("squeezenet", classes=3, image_size=32))
    found = rates(recipe, steps=40, steps_per_epoch=10)
    assert max(found) == pytest.approx(recipe.learning_rate, rel=0.02)
    assert found.index(max(found)) in range(8, 11)
    assert found[-1] < 1e-3 * recipe.learning_rate


@pytest.mark.parametrize("steps", range(1, 13))
def test_however_few_the_steps_none_is_wasted(steps):
    recipe = chosen(nn.Linear(2, 2))
    found = rates(recipe, steps=steps, steps_per_epoch=1)
    assert min(found) >= 0
    assert steps == 1 or max(found) > 0.4 * recipe.learning_rate


def test_every_network_has_its_rate():
    for name, rate in {"squeezenet": 1e-3, "alexnet": 3e-4, "resnet18": 2e-3}.items():
        assert chosen(build_network(name, classes=3, image_size=64)).learning_rate == rate


def test_biases_and_norms_are_not_decayed():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = build_optimizer(network, chosen(network))
    decayed = [p.shape for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]]
    assert decayed == [network[0].weight.shape]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", [1, (1 + math.cos(math.pi / 6)) / 2, 3 / 4, 1 / 2, 1 / 4, (1 - math.cos(math.pi / 6)) / 2]),
        ("steps", [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("constant", [1] * 6),
    ],
)
def test_schedules_by_hand(schedule, expected):
    recipe = Recipe("sgd", learning_rate=0.5, weight_decay=0, schedule=schedule)
    assert rates(recipe, steps=6, steps_per_epoch=3) == pytest.approx([0.5 * factor for factor in expected])


def test_what_is_given_is_taken_and_all_else_is_decided():
    network = build_network("squeezenet", classes=3, image_size=32)
    given = {"lr": 0.3, "optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.5, "schedule": "steps"}
    recipe = chosen(network, label_smoothing=0.1, **given)
    assert (recipe.learning_rate, recipe.optimizer, recipe.weight_decay) == (0.3, "sgd", 0.0)
    assert (recipe.momentum, recipe.schedule, recipe.label_smoothing) == (0.5, "steps", 0.1)
    assert chosen(network, lr=0.3, trained=True).learning_rate == 0.3


def test_given_weights_have_the_rate_of_fresh_ones_unless_layers_are_normalised_over_channels():
    convolutional = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert chosen(convolutional, trained=True).learning_rate == 2e-3
    assert chosen(convolutional, trained=True, optimizer="sgd").learning_rate == 2.5e-2
    transformer = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    assert chosen(transformer).learning_rate == 1e-3
    assert chosen(transformer, trained=True).learning_rate == 2.5e-4
    assert chosen(transformer, trained=True, lr=0.3).learning_rate == 0.3


@pytest.mark.parametrize("settings", [{}, {"optimizer": "sgd", "lr": 0.1}, {"schedule": "cosine", "amp": True}])
def test_decided_settings_give_the_same_recipe_again(settings):
    network = nn.Linear(2, 2)
    recipe = chosen(network, trained=True, **settings)
    assert chosen(network, trained=False, **decided_settings(recipe)) == recipe


def test_fresh_weights_in_a_run_of_given_ones_have_the_rate_of_fresh_ones_unless_one_was_given():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.LayerNorm(4))
    config = RunConfig(arch="resnet18", weights="w.pt", freeze_bn=True, schedule="cosine")
    for lr, expected in ((None, chosen(network).learning_rate), (0.3, 0.3)):
        decided = decided_settings(choose_recipe(network, config.model_copy(update={"lr": lr}), trained=True))
        recipe = fresh_recipe(network, config.model_copy(update=decided))
        assert (recipe.learning_rate, recipe.schedule, recipe.freeze_bn) == (expected, "cosine", False)
    given = config.model_copy(update=decided_settings(chosen(network, optimizer="sgd")) | {"freeze_bn": False})
    assert fresh_recipe(network, given) == choose_recipe(network, given)  # without given weights nothing changes


def test_sgd_is_torchs_with_momentum():
    optimizer = build_optimizer(nn.Linear(2, 2), chosen(nn.Linear(2, 2), optimizer="sgd", lr=0.2, momentum=0.7))
    assert isinstance(optimizer, torch.optim.SGD)
    assert [(g["lr"], g["momentum"], g["nesterov"]) for g in optimizer.param_groups] == [(0.2, 0.7, False)] * 2


def test_smoothed_labels_share_probability_with_all_classes():
    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    log_p = logits - logits.exp().sum().log()
    expected = -(0.8 * log_p[0, 0] + 0.1 * log_p[0, 1] + 0.1 * log_p[0, 2])  # 0.3 spread over three classes
    assert chosen(nn.Linear(2, 2), label_smoothing=0.3).loss(logits, labels) == pytest.approx(expected)


def test_frozen_batchnorm_stays_while_the_rest_is_trained():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    before = copy.deepcopy(network.state_dict())
    steps = OptimizerSteps(network, Recipe("sgd", 0.1, 0.1, "constant", freeze_bn=True), epochs=1, steps_per_epoch=2)
    images, labels = torch.randn(8, 1, 3, 3), torch.arange(8) % 2
    for _ in range(2):
        steps.take(steps.recipe.loss(steps.recipe.logits(network, images), labels))
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert network[3].training


def test_bfloat16_is_for_products_and_logits_are_float32():
    network, images = nn.Linear(64, 3), torch.randn(4, 64)
    recipe = chosen(network, amp=True)
    logits = recipe.logits(network, images)
    exact = images.bfloat16().float() @ network.weight.bfloat16().float().T + network.bias.bfloat16().float()
    assert logits.dtype == torch.float32
    assert torch.equal(logits, exact.bfloat16().float())
    assert torch.equal(chosen(network).logits(network, images), network(images))


def test_the_papers_recipe_has_no_rate_to_change():
    assert "--lr" not in PAPER.advice
