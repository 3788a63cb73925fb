import pytest
import torch
from torch import nn

from compress.training.weights import PAPER, build_optimizer, build_schedule, default_recipe
from models_zoo.zoo import build_network


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


def test_one_cycle_rises_to_the_peak_and_falls_to_nearly_nothing():
    recipe = default_recipe(build_network("squeezenet", classes=3, image_size=32))
    found = rates(recipe, steps=40, steps_per_epoch=10)
    assert max(found) == pytest.approx(recipe.learning_rate, rel=0.02)
    assert found.index(max(found)) in range(8, 11)
    assert found[-1] < 1e-3 * recipe.learning_rate


@pytest.mark.parametrize("steps", range(1, 13))
def test_however_few_the_steps_none_is_wasted(steps):
    recipe = default_recipe(nn.Linear(2, 2))
    found = rates(recipe, steps=steps, steps_per_epoch=1)
    assert min(found) >= 0
    assert steps == 1 or max(found) > 0.4 * recipe.learning_rate


def test_every_network_has_its_rate():
    found = {
        name: default_recipe(build_network(name, classes=3, image_size=64))
        for name in ("squeezenet", "alexnet", "resnet18")
    }
    assert {name: recipe.learning_rate for name, recipe in found.items()} == {
        "squeezenet": 1e-3,
        "alexnet": 3e-4,
        "resnet18": 2e-3,
    }


def test_biases_and_norms_are_not_decayed():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = build_optimizer(network, default_recipe(network))
    decayed = [p.shape for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]]
    assert decayed == [network[0].weight.shape]
