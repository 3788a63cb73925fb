"""Training of weights alone: the baseline, the fine-tuning, the original trained on for as long."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.data.bundle import Split
from compress.errors import DivergedError
from compress.training.evaluate import evaluate
from compress.training.optimizers import Recipe, build_optimizer, build_schedule

TEMPERATURE = 2.0


@dataclass(frozen=True)
class Distillation:
    """Learn from a teacher's soft answers too (Hinton et al. 2015): ``weight`` is their share of the loss."""

    teacher: nn.Module
    weight: float = 0.5


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
    """Recipe, epochs and mini-batches per epoch; ``must_learn`` stops a network that stays at chance."""

    recipe: Recipe
    epochs: int
    steps_per_epoch: int
    batch_size: int
    must_learn: bool = False
    distillation: Distillation | None = None


class WeightTraining:
    """A loop body (see ``loop.Body``): cross-entropy, with distillation where a teacher is given."""

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
        if self._settings.distillation is not None:
            loss = _distilled(loss, logits, images, self._settings.distillation)
        self._steps.take(loss)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"loss": float(loss.detach()), "accuracy": float(accuracy)}

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Validation loss and accuracy; stops a network that is at chance half of the way."""
        result = evaluate(self._network, self._val, batch_size=self._settings.batch_size)
        if self._settings.must_learn and epoch + 1 >= min(-(-self._settings.epochs // 2), PATIENCE):
            last = epoch + 1 == self._settings.epochs
            check_left_chance(result.accuracy, self._val.labels, errors=CHANCE_ERRORS if last else 0.0)
        return {"val_loss": result.loss, "val_accuracy": result.accuracy}

    def finished(self) -> bool:
        """Never before the last epoch."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """State of the weights and the optimizer."""
        return {"network": self._network.state_dict(), "steps": self._steps.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._network.load_state_dict(state["network"])
        self._steps.load_state_dict(state["steps"])


MORE_TRAINING = "more --baseline-epochs, another --image-size, or trained --weights"


PATIENCE = 10
"""Epochs a network may stay at chance, however many it is given."""

CHANCE_ERRORS = 2.0
"""Standard errors above chance that a trained network has to be; on the way there, anything above will do."""


def check_left_chance(
    accuracy: float, labels: Tensor, *, errors: float = CHANCE_ERRORS, advice: str = MORE_TRAINING
) -> None:
    """Raise where an accuracy is no better than always answering the most frequent class.

    Args:
        accuracy: a fraction, on the split with these labels.
        labels: of the split, int64 (N,).
        errors: how many standard errors above chance it has to be.
        advice: what to try in a new run, for the message.

    Raises:
        DivergedError: it is not.
    """
    chance = float(labels.bincount().max()) / len(labels)
    error = (chance * (1 - chance) / len(labels)) ** 0.5
    if accuracy <= chance + errors * error:
        raise DivergedError(
            f"the network has not left chance: {accuracy:.1%} on {len(labels):,} validation images, where always "
            f"answering the most frequent class gives {chance:.1%}. Pruning it would prove nothing. "
            f"Start a new run with {advice}"
        )


def _distilled(loss: Tensor, logits: Tensor, images: Tensor, distillation: Distillation) -> Tensor:
    with torch.no_grad():
        soft = functional.log_softmax(distillation.teacher.eval()(images) / TEMPERATURE, dim=1)
    answers = functional.log_softmax(logits / TEMPERATURE, dim=1)
    divergence = functional.kl_div(answers, soft, reduction="batchmean", log_target=True)
    return (1 - distillation.weight) * loss + distillation.weight * TEMPERATURE**2 * divergence
