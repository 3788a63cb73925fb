"""How weights are trained: optimizer, learning-rate schedule and loss, and what is decided where the user is silent."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.settings.training import TRAINING, Optimizer, Schedule, TrainingConfig

FINE_TUNING: Final = 0.25
"""The learning rate of given weights of a network with LayerNorm, as a share of the rate for fresh ones."""

_STEP_EPOCHS = 50  # of the paper's schedule


@dataclass(frozen=True)
class Recipe:
    """How weights are trained.

    ``learning_rate`` is the largest of a schedule; ``momentum`` is SGD's. ``freeze_bn``: BatchNorm keeps its statistics
    and factors. ``amp``: products in bfloat16. ``clip`` is the largest norm of a step's gradient. ``epochs_behind`` are
    the epochs of the paper's schedule that were trained with another optimizer.
    """

    optimizer: Optimizer | Literal["adadelta"]
    learning_rate: float
    weight_decay: float
    schedule: Schedule | Literal["paper"]
    momentum: float = 0.9
    label_smoothing: float = 0.0
    freeze_bn: bool = False
    amp: bool = False
    clip: float = float("inf")
    epochs_behind: int = 0

    @property
    def advice(self) -> str:
        """What to try where training diverged."""
        smaller = "" if self.optimizer == "adadelta" else f"try a smaller --lr than {self.learning_rate:g}, or "
        return f"{smaller}check the images' mean and std"

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """The float32 logits of a network that is put into training mode."""
        network.train()
        if self.freeze_bn:
            for module in batchnorms(network):
                module.eval()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.amp):
            logits: Tensor = network(images)
        return logits.float()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of logits (B, K) with labels (B,)."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)


PAPER = Recipe("adadelta", learning_rate=1.0, weight_decay=1e-5, schedule="paper")
"""Adadelta, rho 0.9, eps 1e-6; the rate is divided by ten every 50 epochs (the paper's section V-A)."""


def choose_recipe(network: nn.Module, config: TrainingConfig, *, trained: bool = False) -> Recipe:
    """The settings that are given, and a default for every other; ``trained``: all weights were given.

    Given weights of convolutional networks have the rate of fresh ones (``docs/own-weights.md``); those of transformers
    and other networks with LayerNorm, of which nothing was measured, a quarter of it.

    AdamW with one cycle; AlexNet's linear layers (4,096 wide) diverge at 1e-3 and learn at 3e-4. SGD's rates are those
    with which torchvision's ResNets and AlexNet were trained, for mini-batches of 64; with SqueezeNet's 5e-3 it learned
    the bundled images much more slowly than with 2e-2 (``benchmarks/training_recipes.json``).
    """
    sgd = config.optimizer == "sgd"
    wide = any(isinstance(module, nn.Linear) and module.in_features >= 4096 for module in network.modules())
    if batchnorms(network):
        rate = 2.5e-2 if sgd else 2e-3
    elif wide:
        rate = 2.5e-3 if sgd else 3e-4
    else:
        rate = 2e-2 if sgd else 1e-3
    given: dict[str, Any] = config.model_dump(include=set(TRAINING), exclude_none=True)
    careful = trained and any(isinstance(module, nn.LayerNorm) for module in network.modules())
    rate = given.pop("lr", rate * FINE_TUNING if careful else rate)
    decided: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 1e-4 if sgd else 1e-2, "schedule": "one-cycle"}
    return Recipe(learning_rate=rate, clip=5.0, **decided | given)


def fresh_recipe(network: nn.Module, config: TrainingConfig) -> Recipe:
    """The recipe for fresh weights in a run whose settings were decided for given ones: nothing to be careful with."""
    silent = config.model_copy(update={"lr": None, "freeze_bn": False})
    default = choose_recipe(network, silent)
    if config.lr in (None, choose_recipe(network, silent, trained=True).learning_rate):
        return default
    return replace(default, learning_rate=config.lr)


def decided_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings that give a recipe, all decided."""
    decided = {name: getattr(recipe, name) for name in TRAINING if name != "lr"} | {"lr": recipe.learning_rate}
    return decided if recipe.optimizer == "sgd" else decided | {"momentum": None}


def batchnorms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """The BatchNorm layers of a network."""
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def build_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all trainable parameters; the paper's alone decays biases and norms."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    if recipe.optimizer == "adadelta":
        return torch.optim.Adadelta(
            parameters, lr=recipe.learning_rate, rho=0.9, eps=1e-6, weight_decay=recipe.weight_decay
        )
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def build_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, *, steps: int, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule for ``steps`` mini-batches in all, stepped once per mini-batch."""
    steps = max(steps, 2)
    if recipe.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[recipe.learning_rate for _ in optimizer.param_groups],
            total_steps=steps,
            pct_start=0.3 if steps == 4 else 0.25,  # torch divides by zero where the rise takes exactly one step
            cycle_momentum=False,
        )
    behind, fifty_epochs = recipe.epochs_behind * steps_per_epoch, _STEP_EPOCHS * steps_per_epoch
    factors: Mapping[str, Callable[[int], float]] = {
        "paper": lambda step: 0.1 ** ((behind + step) // fifty_epochs),
        "cosine": lambda step: (1 + math.cos(math.pi * min(step / steps, 1))) / 2,
        "steps": lambda step: 0.1 ** (3 * step // steps),
        "constant": lambda _step: 1.0,
    }
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factors[recipe.schedule])
