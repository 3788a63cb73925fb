"""Training of weights alone: of the original, of a network that is cut later, of the small one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.data.bundle import Split
from compress.errors import DivergedError
from compress.training.epochs import Epochs
from compress.training.evaluate import evaluate
from compress.training.loop import Body
from compress.training.objective import Objective
from compress.training.recipe import Recipe, batchnorms, build_optimizer, build_schedule

CHANCE_ERRORS = 2.0
"""Standard errors above chance that a trained network has to be; before the last epoch anything above is enough."""

_PATIENCE = 10  # epochs a network may stay at chance, however many it has
_MORE_TRAINING = "more --epochs, another --lr or --image-size, or trained --weights"


class OptimizerSteps:
    """An optimizer with its schedule: one ``take`` per mini-batch, loss and gradients checked to be finite.

    The schedule has ``epochs`` epochs in all. Stages that follow each other go on in it with ``load_state_dict``.
    """

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
    """What weights are trained for, in which epochs."""

    objective: Objective
    epochs: Epochs
    steps_per_epoch: int
    batch_size: int


class WeightTraining(Body):
    """Training by an objective; a network that stays at chance is a ``DivergedError``."""

    def __init__(self, network: nn.Module, val: Split, settings: WeightSettings) -> None:
        self._network = network
        self._val = val
        self._settings = settings
        self.steps = OptimizerSteps(
            network,
            settings.objective.recipe,
            epochs=settings.epochs.total,
            steps_per_epoch=settings.steps_per_epoch,
        )

    def step(self, images: Tensor, labels: Tensor, places: Tensor | None = None) -> dict[str, float]:
        """One step on a batch (B, C, H, W) with labels (B,), ``places`` in the training split."""
        objective = self._settings.objective
        logits = objective.recipe.logits(self._network, images)
        loss = objective.loss(images, logits, labels, places_B=places)
        rate = self.steps.learning_rate
        self.steps.take(loss)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"loss": float(loss.detach()), "accuracy": float(accuracy), "learning_rate": rate}

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Validation loss and accuracy; stops a network that is at chance half of the way to the end."""
        result = evaluate(self._network, self._val, batch_size=self._settings.batch_size)
        epochs = self._settings.epochs
        if epoch + 1 - epochs.first >= min(-(-(epochs.total - epochs.first) // 2), _PATIENCE):
            last = epoch + 1 == epochs.total
            check_left_chance(result.accuracy, self._val.labels, errors=CHANCE_ERRORS if last else 0.0)
        return {"val_loss": result.loss, "val_accuracy": result.accuracy}

    def state_dict(self) -> dict[str, Any]:
        """State of the weights and the optimizer."""
        return {"network": self._network.state_dict(), "steps": self.steps.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._network.load_state_dict(state["network"])
        self.steps.load_state_dict(state["steps"])


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
