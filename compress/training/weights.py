"""Training of weights alone, for baseline, fine-tuning and control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.data.bundle import Split
from compress.errors import DivergedError
from compress.training.evaluate import evaluate
from compress.training.loop import Body
from compress.training.recipe import Recipe, batchnorms, build_optimizer, build_schedule

CHANCE_ERRORS = 2.0
"""Standard errors above chance that a trained network has to be; before the last epoch anything above is enough."""

_PATIENCE = 10  # epochs a network may stay at chance, however many it has
_TEMPERATURE = 2.0
_MORE_TRAINING = "more --baseline-epochs, another --lr or --image-size, or trained --weights"


class OptimizerSteps:
    """An optimizer with its schedule: one ``take`` per mini-batch, loss and gradients checked to be finite."""

    def __init__(self, network: nn.Module, recipe: Recipe, *, epochs: int, steps_per_epoch: int) -> None:
        self._network = network
        self.recipe = recipe
        if recipe.freeze_bn:
            for module in batchnorms(network):
                module.requires_grad_(False)
        self.optimizer = build_optimizer(network, recipe)
        self._schedule = build_schedule(
            self.optimizer, recipe, steps=epochs * steps_per_epoch, steps_per_epoch=steps_per_epoch
        )

    @property
    def learning_rate(self) -> float:
        """The rate of the coming step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def take(self, loss: Tensor) -> None:
        """Back-propagate ``loss`` and move the weights once; DivergedError if loss or gradients are not finite."""
        if not torch.isfinite(loss):
            raise DivergedError(f"the loss became {float(loss.detach())}; {self.recipe.advice}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), max_norm=self.recipe.clip)
        if not torch.isfinite(norm):
            raise DivergedError(f"a gradient is not finite; {self.recipe.advice}")
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
        recipe = self._settings.recipe
        logits = recipe.logits(self._network, images)
        loss = recipe.loss(logits, labels)
        if self._settings.teacher is not None:
            weight = self._settings.teacher_weight
            loss = (1 - weight) * loss + weight * _distillation_loss(self._settings.teacher, images, logits)
        rate = self._steps.learning_rate
        self._steps.take(loss)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"loss": float(loss.detach()), "accuracy": float(accuracy), "learning_rate": rate}

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
