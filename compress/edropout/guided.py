"""The default population: allocations, guided by saliency, within a budget.

Axes: P population, U units, G groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from compress.channels.budget import Prunable
from compress.edropout.allocation import Allocation
from compress.edropout.population import EnergyOf, Spread


@dataclass(frozen=True)
class GuidedSettings:
    """Settings of the guidance; see the card (README.md) for why these values.

    Phases are shares of the search: weights and guidance warm up on the whole network, then the
    budget shrinks to its target at ``shrunk``, then allocations go on changing until ``frozen``.
    """

    sticky: float = 0.2
    memory: float = 0.98
    warm: float = 0.1
    shrunk: float = 0.6
    frozen: float = 0.8
    tolerated_loss: float = 1.5


class GuidedPopulation:
    """The default: saliency says which units of a group stay, an allocation how much each group keeps.

    An allocation's offsets, one per group, are added to the log of the units' saliency; its state is the
    repair of that to the budget. How offsets are looked for is the allocation's: evolution, or a rival's way.
    """

    def __init__(self, prunable: Prunable, allocation: Allocation, settings: GuidedSettings) -> None:
        self._prunable = prunable
        self._allocation = allocation
        self._settings = settings
        units = prunable.units
        self._saliency_U = torch.zeros(units.total)
        self._steps = 0
        self._in_use_U = torch.ones(units.total, dtype=torch.bool)
        self._usual_loss = float("inf")
        self._tolerated = True
        self._frozen = False

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Spread]:
        """One generation at the budget of ``progress``; after the freeze the state stays."""
        settings = self._settings
        if progress < settings.warm or self._steps == 0 or self._frozen:
            energy = float(energy_of(self._in_use_U.unsqueeze(0))[0])
            return self._in_use_U, Spread(energy, energy)
        phase = min((progress - settings.warm) / (settings.frozen - settings.warm), 1.0)
        spread = self._allocation.select(lambda offsets: energy_of(self._states(offsets, progress)), phase=phase)
        self._in_use_U = self._state_of_choice(progress)
        self._frozen = progress >= settings.frozen and self._tolerated
        return self._in_use_U, spread

    def _state_of_choice(self, progress: float) -> Tensor:
        return self._states(self._allocation.chosen().unsqueeze(0), progress)[0]

    def _states(self, offsets_PG: Tensor, progress: float) -> Tensor:
        settings = self._settings
        shrinking = (progress - settings.warm) / (settings.shrunk - settings.warm)
        keys_U = 0.5 * torch.log(self._saliency_U / (1 - settings.memory**self._steps) + 1e-30)
        keys_U = keys_U + settings.sticky * self._in_use_U
        keys_PU = keys_U + offsets_PG[:, self._prunable.units.group_of_unit]
        smooth = 1 - (1 - min(max(shrinking, 0.0), 1.0)) ** 3
        return self._prunable.repair(keys_PU, progress=smooth)

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Follow the running mean square of the mask's gradient: dL/ds_u, kept and dropped units alike."""
        memory = self._settings.memory
        self._saliency_U = memory * self._saliency_U + (1 - memory) * gradient_U.cpu().square()
        self._steps += 1
        self._tolerated = self._steps <= 1 or loss <= self._settings.tolerated_loss * self._usual_loss
        if not self._tolerated:
            self._allocation.draw_back()
        self._usual_loss = loss if self._steps == 1 else memory * self._usual_loss + (1 - memory) * loss

    def in_use(self) -> Tensor:
        """The state the last step was trained with, at the budget of that time."""
        return self._in_use_U

    def final(self) -> Tensor:
        """The state in use when it froze; before that, the chosen offsets' at the whole budget."""
        return self._in_use_U if self._frozen or self._steps == 0 else self._state_of_choice(1.0)

    def converged(self) -> bool:
        """Never early: after the freeze the weights adapt until the search's last step."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """The allocation's state, saliency, the state in use and how training goes."""
        return {
            "allocation": self._allocation.state_dict(),
            "saliency": self._saliency_U,
            "steps": self._steps,
            "in_use": self._in_use_U,
            "usual_loss": self._usual_loss,
            "tolerated": self._tolerated,
            "frozen": self._frozen,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._allocation.load_state_dict(state["allocation"])
        self._saliency_U, self._steps, self._in_use_U = state["saliency"], state["steps"], state["in_use"]
        self._usual_loss = state["usual_loss"]
        self._tolerated, self._frozen = state["tolerated"], state["frozen"]
