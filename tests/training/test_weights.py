"""Training of weights: the loop with stop and resume."""

import copy
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.errors import DivergedError, InterruptedRun
from compress.observer import Observer
from compress.training.epochs import Epochs
from compress.training.loop import LoopHooks, LoopSettings, run_loop
from compress.training.objective import Objective, Teacher
from compress.training.recipe import Recipe
from compress.training.weights import WeightSettings, WeightTraining, check_left_chance
from tests.helpers.splits import learnable_split

SETTINGS = LoopSettings(epochs=6, batch_size=16, seed=3)
RECIPE = Recipe("adamw", learning_rate=5e-2, weight_decay=1e-2, schedule="one-cycle", clip=5.0)


def fresh() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*body, nn.Dropout(0.2), nn.Linear(8, 5))


def body(network: nn.Module, recipe: Recipe = RECIPE, epochs: Epochs | None = None, **teaching) -> WeightTraining:
    split, epochs = learnable_split(), epochs or Epochs.all(SETTINGS.epochs)
    steps = split.steps(SETTINGS.batch_size)
    settings = WeightSettings(Objective(recipe, **teaching), epochs, steps, SETTINGS.batch_size)
    return WeightTraining(network, split, settings)


def train(network: nn.Module, hooks: LoopHooks | None = None, **changes):
    torch.manual_seed(7)
    return run_loop(body(network, **changes), learnable_split(), SETTINGS, hooks or LoopHooks())


def test_it_learns_and_tells_every_epoch():
    history = train(fresh())
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["val_accuracy"] > 0.5


SGD = Recipe("sgd", learning_rate=5e-2, weight_decay=1e-3, schedule="steps", label_smoothing=0.1)
HALF = Recipe("sgd", learning_rate=5e-2, weight_decay=1e-3, schedule="cosine", freeze_bn=True, amp=True)


@pytest.mark.parametrize(
    ("stop_after", "recipe"), [(1, RECIPE), (3, RECIPE), (4, RECIPE), (7, RECIPE), (15, RECIPE), (17, SGD), (5, HALF)]
)
def test_stopped_and_resumed_equals_undisturbed(stop_after: int, recipe: Recipe):
    undisturbed = fresh()
    expected = train(undisturbed, recipe=recipe)
    saved: list[dict] = []
    steps = iter(range(1, 1000))
    hooks = LoopHooks(
        should_stop=lambda: signal.SIGTERM if next(steps) == stop_after else None,
        save=lambda state: saved.append(copy.deepcopy(state)),
    )
    with pytest.raises(InterruptedRun) as stopped:
        train(fresh(), hooks, recipe=recipe)
    assert stopped.value.exit_code == 143
    resumed = fresh()
    history = train(resumed, LoopHooks(load=lambda: saved[-1]), recipe=recipe)
    assert history == expected
    torch.testing.assert_close(resumed.state_dict(), undisturbed.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("recipe", [RECIPE, SGD])
def test_a_schedule_in_two_stages_equals_one_training_bit_for_bit(recipe: Recipe):
    whole, first, second = fresh(), fresh(), fresh()
    expected = train(whole, recipe=recipe)
    began = body(first, recipe, Epochs(0, 2, 6))
    history = run_loop(began, learnable_split(), replace(SETTINGS, epochs=2), LoopHooks())
    torch.manual_seed(99)  # another process: only weights, optimizer and schedule are saved
    second.load_state_dict(first.state_dict())
    going_on = body(second, recipe, Epochs(2, 6, 6))
    going_on.steps.load_state_dict(copy.deepcopy(began.steps.state_dict()))
    history += run_loop(going_on, learnable_split(), replace(SETTINGS, first=2), LoopHooks())
    assert history == expected
    torch.testing.assert_close(second.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_a_stage_that_goes_on_counts_epochs_and_numbers_in_the_schedule_and_progress_from_one():
    steps, seen = learnable_split().steps(16), []

    class Recorded(Observer):
        def step(self, done, **_values):
            seen.append(("progress", done))

        def numbers(self, _values, *, step):
            seen.append(("number", step))

    settings = replace(SETTINGS, epochs=3, first=2)
    history = run_loop(
        body(fresh(), epochs=Epochs(2, 3, 6)), learnable_split(), settings, LoopHooks(observer=Recorded())
    )
    assert [row["epoch"] for row in history] == [3]
    assert seen[:2] == [("progress", 1), ("number", 2 * steps + 1)]
    assert seen[-1] == ("number", 3 * steps)


def test_the_rate_after_a_fork_is_that_of_one_cycle_over_all_epochs():
    steps = learnable_split().steps(16)
    weights = [nn.Parameter(torch.zeros(1))]
    by_hand = torch.optim.AdamW(weights, lr=5e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        by_hand, max_lr=5e-2, total_steps=6 * steps, pct_start=0.25, cycle_momentum=False
    )
    for _ in range(2 * steps):
        by_hand.step()
        cycle.step()
    first = body(fresh(), epochs=Epochs(0, 2, 6))
    run_loop(first, learnable_split(), replace(SETTINGS, epochs=2), LoopHooks())
    going_on = body(fresh(), epochs=Epochs(2, 6, 6))
    going_on.steps.load_state_dict(first.steps.state_dict())
    assert going_on.steps.learning_rate == by_hand.param_groups[0]["lr"]


def test_a_loss_that_is_not_finite_stops_the_run_before_the_weights_move():
    network = fresh()
    with torch.no_grad():
        network[6].bias[0] = float("nan")
    before = copy.deepcopy(network[6].state_dict())
    with pytest.raises(DivergedError, match=r"^epoch 1, step 1: the loss became nan; try a smaller --lr than 0.05, or"):
        train(network)
    torch.testing.assert_close(network[6].state_dict(), before, rtol=0, atol=0, equal_nan=True)


def test_a_network_at_chance_is_found_out_early():
    network = fresh()
    network.requires_grad_(False)
    network[6].bias.requires_grad_()
    with pytest.raises(DivergedError, match=r"has not left chance: \d+\.\d% on 100 valid.*more --epochs"):
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
    training = body(student, teacher=Teacher(teacher), teacher_share=1.0)
    for images, labels in list(split.batches(16)) * SETTINGS.epochs:
        training.step(images, labels)
    predicted = student.eval()(next(iter(split.batches(100)))[0]).argmax(1)
    assert (predicted == 0).float().mean() > 0.95
