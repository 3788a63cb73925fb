"""Training of weights alone, for baseline, fine-tuning and control: optimizer and learning-rate schedule, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.data.bundle import Split
from compress.errors import DivergedError
from compress.training.evaluate import evaluate
from compress.training.loop import Body

CHANCE_ERRORS = 2.0
"""Standard errors above chance that a trained network has to be; before the last epoch anything above is enough."""

_PATIENCE = 10  # epochs a network may stay at chance, however many it has
_TEMPERATURE = 2.0
_MORE_TRAINING = "more --baseline-epochs, another --image-size, or trained --weights"


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


class OptimizerSteps:
    """An optimizer with its schedule: one ``take`` per mini-batch, gradients checked to be finite."""

    def __init__(self, network: nn.Module, recipe: Recipe, *, epochs: int, steps_per_epoch: int) -> None:
        self._network = network
        self._clip = recipe.clip
        self.optimizer = build_optimizer(network, recipe)
        self._schedule = build_schedule(
            self.optimizer, recipe, steps=epochs * steps_per_epoch, steps_per_epoch=steps_per_epoch
        )

    def take(self, loss: Tensor) -> None:
        """Back-propagate ``loss`` and move the weights once."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), max_norm=self._clip)
        if not torch.isfinite(norm):
            raise DivergedError(
                "a gradient is not finite; try a smaller learning rate, or check the images' normalisation"
            )
        self.optimizer.step()
        self._schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """State of optimizer and schedule."""
        return {"optimizer": self.optimizer.state_dict(), "schedule": self._schedule.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])


@dataclass(frozen=True)
class WeightSettings:
    """How weights are trained; with a ``teacher`` also by distillation (Hinton et al. 2015).

    ``teacher_weight`` is the share of the teacher's soft labels in the loss.
    """

    recipe: Recipe
    epochs: int
    steps_per_epoch: int
    batch_size: int
    teacher: nn.Module | None = None
    teacher_weight: float = 0.5


class WeightTraining(Body):
    """Training by cross-entropy; a network that stays at chance is a ``DivergedError``."""

    def __init__(self, network: nn.Module, val: Split, settings: WeightSettings) -> None:
        self._network = network
        self._val = val
        self._settings = settings
        self._steps = OptimizerSteps(
            network, settings.recipe, epochs=settings.epochs, steps_per_epoch=settings.steps_per_epoch
        )

    def step(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """One step on a batch (B, C, H, W) with labels (B,)."""
        self._network.train()
        logits = self._network(images)
        loss = functional.cross_entropy(logits, labels)
        if self._settings.teacher is not None:
            weight = self._settings.teacher_weight
            loss = (1 - weight) * loss + weight * _distillation_loss(self._settings.teacher, images, logits)
        self._steps.take(loss)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"loss": float(loss.detach()), "accuracy": float(accuracy)}

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Validation loss and accuracy; stops a network that is at chance half of the way."""
        result = evaluate(self._network, self._val, batch_size=self._settings.batch_size)
        if epoch + 1 >= min(-(-self._settings.epochs // 2), _PATIENCE):
            last = epoch + 1 == self._settings.epochs
            check_left_chance(result.accuracy, self._val.labels, errors=CHANCE_ERRORS if last else 0.0)
        return {"val_loss": result.loss, "val_accuracy": result.accuracy}

    def state_dict(self) -> dict[str, Any]:
        """State of the weights and the optimizer."""
        return {"network": self._network.state_dict(), "steps": self._steps.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._network.load_state_dict(state["network"])
        self._steps.load_state_dict(state["steps"])


def check_left_chance(
    accuracy: float, labels: Tensor, *, errors: float = CHANCE_ERRORS, advice: str = _MORE_TRAINING
) -> None:
    """Raise ``DivergedError`` if an accuracy (a fraction) is no better than always predicting the most frequent class.

    ``labels`` int64 (N,) are those of the split; ``errors`` is how many standard errors above chance the accuracy has
    to be; ``advice``, for the message, what to try in a new run.
    """
    chance = float(labels.bincount().max()) / len(labels)
    error = (chance * (1 - chance) / len(labels)) ** 0.5
    if accuracy <= chance + errors * error:
        raise DivergedError(
            f"the network has not left chance: {accuracy:.1%} on {len(labels):,} validation images, where always "
            f"answering the most frequent class gives {chance:.1%}. Pruning it would prove nothing. "
            f"Start a new run with {advice}"
        )


def _distillation_loss(teacher: nn.Module, images: Tensor, logits: Tensor) -> Tensor:
    with torch.no_grad():
        soft = functional.log_softmax(teacher.eval()(images) / _TEMPERATURE, dim=1)
    own = functional.log_softmax(logits / _TEMPERATURE, dim=1)
    return _TEMPERATURE**2 * functional.kl_div(own, soft, reduction="batchmean", log_target=True)
