"""The loss of a mini-batch: the labels', and a teacher's where there is one (Hinton et al. 2015).

Axes: B batch, K classes.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.data.bundle import Split
from compress.training.recipe import Recipe

TEACHER_SHARE: Final = 0.5
"""Share of the teacher's answers in the loss."""

MOST_REMEMBERED: Final = 50_000_000
"""Answers that a teacher remembers at most: 200 MB of float32."""

_TEMPERATURE = 2.0


class Teacher:
    """A trained network whose answers another one learns from."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @torch.no_grad()
    def answers(self, images: Tensor, places: Tensor | None = None) -> Tensor:
        """Soft log-probabilities (B, K) of images (B, C, H, W); ``places``, int64 B: which of the training split."""
        logits = self._logits(images) if places is None else self._logits_at(images, places)
        return functional.log_softmax(logits / _TEMPERATURE, dim=1)

    def _logits_at(self, images: Tensor, places: Tensor) -> Tensor:  # noqa: ARG002
        return self._logits(images)

    def _logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self._network.eval()(images)
        return logits


class RememberingTeacher(Teacher):
    """A teacher that answers once for each image of a training split: the mean logits of its views (``Split.views``).

    A forward pass of the teacher in every step would cost a quarter of a training step.
    """

    def __init__(self, network: nn.Module, train: Split, *, batch_size: int) -> None:
        super().__init__(network)
        self._train = train
        self._batch_size = batch_size
        self._logits_NK: Tensor | None = None

    def _logits_at(self, images: Tensor, places: Tensor) -> Tensor:
        if self._logits_NK is None:
            batches = (batch.to(images.device) for batch, _labels in self._train.batches(self._batch_size))
            self._logits_NK = torch.cat([self._mean_of_views(batch) for batch in batches])
        return self._logits_NK[places.to(images.device)]

    def _mean_of_views(self, images: Tensor) -> Tensor:
        logits = self._logits(images)
        return logits if self._train.views == 1 else (logits + self._logits(images.flip(-1))) / 2


def teacher_for(network: nn.Module, train: Split, *, batch_size: int, classes: int) -> Teacher:
    """The teacher of a training split: one that remembers where the split's views allow it, and memory."""
    if train.views and len(train) * classes <= MOST_REMEMBERED:
        return RememberingTeacher(network, train, batch_size=batch_size)
    return Teacher(network)


@dataclass(frozen=True)
class Objective:
    """What weights are trained for: the recipe's cross-entropy, mixed with the teacher's answers by their share."""

    recipe: Recipe
    teacher: Teacher | None = None
    teacher_share: float = TEACHER_SHARE

    def loss(self, images: Tensor, logits_BK: Tensor, labels_B: Tensor, *, places_B: Tensor | None = None) -> Tensor:
        """The mean loss of the network's logits on images (B, C, H, W); ``places_B`` as for ``Teacher.answers``."""
        loss = self.recipe.loss(logits_BK, labels_B)
        if self.teacher is None or not self.teacher_share:
            return loss
        own = functional.log_softmax(logits_BK / _TEMPERATURE, dim=1)
        divergence = functional.kl_div(
            own, self.teacher.answers(images, places_B), reduction="batchmean", log_target=True
        )
        return (1 - self.teacher_share) * loss + self.teacher_share * _TEMPERATURE**2 * divergence
