"""The loss of a mini-batch: the labels', and a teacher's where there is one (Hinton et al. 2015).

Axes: B batch, K classes.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.training.recipe import Recipe

TEACHER_SHARE: Final = 0.5
"""Share of the teacher's answers in the loss."""

_TEMPERATURE = 2.0


class Teacher:
    """A trained network whose answers another one learns from."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @torch.no_grad()
    def answers(self, images: Tensor) -> Tensor:
        """Soft log-probabilities (B, K) of images (B, C, H, W)."""
        return functional.log_softmax(self._network.eval()(images) / _TEMPERATURE, dim=1)


@dataclass(frozen=True)
class Objective:
    """What weights are trained for: the recipe's cross-entropy, half and half with the teacher's answers if any."""

    recipe: Recipe
    teacher: Teacher | None = None
    teacher_share: float = TEACHER_SHARE

    def loss(self, images: Tensor, logits_BK: Tensor, labels_B: Tensor) -> Tensor:
        """The mean loss of the network's logits on images (B, C, H, W)."""
        loss = self.recipe.loss(logits_BK, labels_B)
        if self.teacher is None:
            return loss
        own = functional.log_softmax(logits_BK / _TEMPERATURE, dim=1)
        divergence = functional.kl_div(own, self.teacher.answers(images), reduction="batchmean", log_target=True)
        return (1 - self.teacher_share) * loss + self.teacher_share * _TEMPERATURE**2 * divergence
