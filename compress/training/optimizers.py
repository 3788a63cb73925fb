"""Optimizer and learning-rate schedule of a network, and the reasons for them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """How weights are trained.

    ``learning_rate`` is the peak of a one-cycle, or the start of steps; ``clip`` the largest norm of a step's gradient;
    ``epochs_behind`` the epochs of a schedule of steps that earlier stages have done.
    """

    optimizer: Literal["adamw", "adadelta"]
    learning_rate: float
    weight_decay: float
    schedule: Literal["one-cycle", "steps"]
    clip: float = float("inf")
    epochs_behind: int = 0


PAPER = Recipe("adadelta", learning_rate=1.0, weight_decay=1e-5, schedule="steps")
"""Adadelta, rho 0.9, eps 1e-6; the rate is divided by ten every 50 epochs (the paper's section V-A)."""

_STEP_EPOCHS = 50


def default_recipe(network: nn.Module) -> Recipe:
    """AdamW with one cycle; a lower rate without BatchNorm and with wide linear layers.

    SqueezeNet has no BatchNorm: with SGD with momentum at 0.02 it stayed at chance, with AdamW at 1e-3 it learned.
    AlexNet's linear layers (4,096 wide) diverge at that rate and learn at 3e-4.
    """
    normalised = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
    wide = any(isinstance(module, nn.Linear) and module.in_features >= 4096 for module in network.modules())
    rate = 2e-3 if normalised else 3e-4 if wide else 1e-3
    return Recipe("adamw", learning_rate=rate, weight_decay=1e-2, schedule="one-cycle", clip=5.0)


def build_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all trainable parameters; biases and norms are not decayed by AdamW."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    if recipe.optimizer == "adadelta":
        return torch.optim.Adadelta(
            parameters, lr=recipe.learning_rate, rho=0.9, eps=1e-6, weight_decay=recipe.weight_decay
        )
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def build_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, *, steps: int, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule for ``steps`` mini-batches in all, stepped once per mini-batch."""
    if recipe.schedule == "steps":
        behind = recipe.epochs_behind * steps_per_epoch
        return torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 0.1 ** ((behind + step) // (_STEP_EPOCHS * steps_per_epoch))
        )
    steps = max(steps, 2)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[recipe.learning_rate for _ in optimizer.param_groups],
        total_steps=steps,
        pct_start=0.3 if steps == 4 else 0.25,  # torch divides by zero where the rise takes exactly one step
        cycle_momentum=False,
    )
