"""Push out what will be cut: the whole network trains, and the weights of units that a state drops decay.

Axes: U units.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.masks import kept_entries
from compress.channels.units import UnitMap
from compress.data.bundle import Split
from compress.training.weights import WeightSettings, WeightTraining

PUSH = 1.25
"""The weights of a dropped unit shrink by exp(-PUSH) over all steps, more in every step, if no gradient holds them."""


class PushTraining(WeightTraining):
    """Trains the whole network; the weights of the units that a state (bool U) drops decay, more in every step."""

    def __init__(
        self,
        network: nn.Module,
        val: Split,
        settings: WeightSettings,
        *,
        units: UnitMap,
        keep_U: Tensor,
        strength: float = PUSH,
    ) -> None:
        super().__init__(network, val, settings)
        self._units = units
        self._strength = strength
        self._total_steps = settings.epochs.count * settings.steps_per_epoch
        self._steps_done = 0
        self.use(keep_U)

    def use(self, keep_U: Tensor) -> None:
        """From now on push out what this state, bool U, drops."""
        self.keep_U = keep_U
        entries = kept_entries(self._network, self._units, keep_U)
        self._kept = [
            (parameter, entries[name].to(parameter.dtype))
            for name, parameter in self._network.named_parameters()
            if name in entries and name.endswith("weight") and parameter.requires_grad
        ]

    def step(self, images: Tensor, labels: Tensor, places: Tensor | None = None) -> dict[str, float]:
        """One step on a batch (B, C, H, W) with labels (B,), ``places`` in the training split; then the decay."""
        values = super().step(images, labels, places)
        self._steps_done += 1
        factor = math.exp(-2 * self._strength * self._steps_done / self._total_steps**2)
        with torch.no_grad():
            for parameter, kept in self._kept:
                parameter.mul_(kept + factor * (1 - kept))
        return values

    def state_dict(self) -> dict[str, Any]:
        """State of the weights, the optimizer and the decay."""
        return super().state_dict() | {"keep": self.keep_U, "steps_done": self._steps_done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state)
        self._steps_done = state["steps_done"]
        self.use(state["keep"])
