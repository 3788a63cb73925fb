"""Training of weights: the loop with stop and resume, optimizers and schedules."""

import copy
import signal

import pytest
import torch
from torch import nn

from compress.errors import DivergedError, InterruptedRun
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.weights import (
    PAPER,
    Recipe,
    WeightSettings,
    WeightTraining,
    build_optimizer,
    build_schedule,
    check_left_chance,
    default_recipe,
)
from models_zoo.zoo import build_network
from tests.helpers.splits import learnable_split

SETTINGS = LoopSettings(epochs=6, batch_size=16, seed=3)
RECIPE = Recipe("adamw", learning_rate=5e-2, weight_decay=1e-2, schedule="one-cycle", clip=5.0)


def fresh() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*body, nn.Dropout(0.2), nn.Linear(8, 5))


def body(network: nn.Module, **changes) -> WeightTraining:
    split = learnable_split()
    settings = WeightSettings(RECIPE, SETTINGS.epochs, split.steps(SETTINGS.batch_size), SETTINGS.batch_size, **changes)
    return WeightTraining(network, split, settings)


def train(network: nn.Module, hooks: LoopHooks | None = None, **changes):
    torch.manual_seed(7)
    return run_loop(body(network, **changes), learnable_split(), SETTINGS, hooks or LoopHooks())


def test_it_learns_and_tells_every_epoch():
    history = train(fresh())
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["val_accuracy"] > 0.5


@pytest.mark.parametrize("stop_after", [1, 3, 4, 7, 15])
def test_stopped_and_resumed_equals_undisturbed(stop_after: int):
    undisturbed = fresh()
    expected = train(undisturbed)
    saved: list[dict] = []
    steps = iter(range(1, 1000))
    hooks = LoopHooks(
        should_stop=lambda: signal.SIGTERM if next(steps) == stop_after else None,
        save=lambda state: saved.append(copy.deepcopy(state)),
    )
    with pytest.raises(InterruptedRun) as stopped:
        train(fresh(), hooks)
    assert stopped.value.exit_code == 143
    resumed = fresh()
    history = train(resumed, LoopHooks(load=lambda: saved[-1]))
    assert history == expected
    torch.testing.assert_close(resumed.state_dict(), undisturbed.state_dict(), rtol=0, atol=0)


def test_a_loss_that_is_not_finite_stops_the_run_before_the_weights_move():
    network = fresh()
    with torch.no_grad():
        network[6].bias[0] = float("nan")
    before = copy.deepcopy(network[6].state_dict())
    with pytest.raises(DivergedError, match=r"gradient is not finite|loss became nan"):
        train(network)
    torch.testing.assert_close(network[6].state_dict(), before, rtol=0, atol=0, equal_nan=True)


def test_a_network_at_chance_is_found_out_early():
    network = fresh()
    network.requires_grad_(False)
    network[6].bias.requires_grad_()
    with pytest.raises(DivergedError, match=r"has not left chance: \d+\.\d% on 100 valid.*--baseline-epochs"):
        train(network)


def test_chance_is_the_most_frequent_class():
    labels = torch.tensor([0] * 90 + [1] * 10)
    with pytest.raises(DivergedError, match=r"95\.0% on 100 validation images, .* 90\.0%\. .* Start a new run with"):
        check_left_chance(0.95, labels)  # 0.9 + 2 * 0.03 = 0.96
    check_left_chance(0.97, labels)
    check_left_chance(0.91, labels, errors=0.0)


def test_distillation_moves_towards_the_teacher():
    split, teacher, student = learnable_split(), fresh(), fresh()
    with torch.no_grad():
        teacher[6].bias.copy_(torch.tensor([9.0, 0, 0, 0, 0]))  # always predicts class 0, whatever the label
    training = body(student, teacher=teacher, teacher_weight=1.0)
    for images, labels in list(split.batches(16)) * SETTINGS.epochs:
        training.step(images, labels)
    predicted = student.eval()(next(iter(split.batches(100)))[0]).argmax(1)
    assert (predicted == 0).float().mean() > 0.95


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
    for name, rate in {"squeezenet": 1e-3, "alexnet": 3e-4, "resnet18": 2e-3}.items():
        assert default_recipe(build_network(name, classes=3, image_size=64)).learning_rate == rate


def test_biases_and_norms_are_not_decayed():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = build_optimizer(network, default_recipe(network))
    decayed = [p.shape for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]]
    assert decayed == [network[0].weight.shape]
