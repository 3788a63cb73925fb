"""The default population: allocations, guided by saliency, within a budget.

Axes: P population, U units, G groups.
"""

from typing import ClassVar

import torch
from torch import Tensor

from compress.channels.budget import Prunable
from compress.edropout.allocation import Allocation
from compress.edropout.population import Energies, EnergyOf, Population

WARM, SHRUNK, FROZEN = 0.1, 0.6, 0.8
"""Shares of the search: the whole network until ``WARM``, the budget at ``SHRUNK``, no change after ``FROZEN``."""

STICKY, MEMORY = 0.2, 0.98
"""Added to the keys of units in use; memory of the running means of saliency and of the training loss."""

TOLERATED_LOSS = 1.5
"""A state trains badly if its loss is more than this many times the running mean."""


class GuidedPopulation(Population):
    """The default: saliency says which units of a group stay, an allocation how much each group keeps.

    An allocation's offsets, one per group, are added to the log of the units' saliency, and repaired to the budget.
    """

    RESUMED: ClassVar = {
        "allocation": "_allocation", "saliency": "_saliency_U", "steps": "_steps", "in_use": "_in_use_U",
        "usual_loss": "_usual_loss", "tolerated": "_tolerated", "frozen": "_frozen",
    }  # fmt: skip

    def __init__(self, prunable: Prunable, allocation: Allocation) -> None:
        self._prunable = prunable
        self._allocation = allocation
        self._saliency_U = torch.zeros(prunable.units.total)
        self._steps = 0
        self._in_use_U = torch.ones(prunable.units.total, dtype=torch.bool)
        self._usual_loss = float("inf")
        self._tolerated = True
        self._frozen = False

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:
        """One generation at the budget of ``progress``; after the freeze the state stays."""
        if progress < WARM or self._steps == 0 or self._frozen:
            energy = float(energy_of(self._in_use_U.unsqueeze(0))[0])
            return self._in_use_U, Energies(energy, energy)
        phase = min((progress - WARM) / (FROZEN - WARM), 1.0)
        energies = self._allocation.select(lambda offsets: energy_of(self._states(offsets, progress)), phase=phase)
        self._in_use_U = self._chosen_state(progress)
        self._frozen = progress >= FROZEN and self._tolerated
        return self._in_use_U, energies

    def _chosen_state(self, progress: float) -> Tensor:
        return self._states(self._allocation.chosen().unsqueeze(0), progress)[0]

    def _states(self, offsets_PG: Tensor, progress: float) -> Tensor:
        keys_U = 0.5 * torch.log(self._saliency_U / (1 - MEMORY**self._steps) + 1e-30) + STICKY * self._in_use_U
        shrinking = min(max((progress - WARM) / (SHRUNK - WARM), 0.0), 1.0)
        keys_PU = keys_U + offsets_PG[:, self._prunable.units.group_of_unit]
        return self._prunable.repair(keys_PU, progress=1 - (1 - shrinking) ** 3)

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Follow the running mean square of the mask's gradient: dL/ds_u, kept and dropped units alike."""
        self._saliency_U = MEMORY * self._saliency_U + (1 - MEMORY) * gradient_U.cpu().square()
        self._steps += 1
        self._tolerated = self._steps <= 1 or loss <= TOLERATED_LOSS * self._usual_loss
        if not self._tolerated:
            self._allocation.halve_chosen()
        self._usual_loss = loss if self._steps == 1 else MEMORY * self._usual_loss + (1 - MEMORY) * loss

    def in_use(self) -> Tensor:
        """The state the last step was trained with, at the budget of that time."""
        return self._in_use_U

    def final(self) -> Tensor:
        """The state in use when it froze (the weights then adapt to it); before, the chosen offsets' at the budget."""
        return self._in_use_U if self._frozen or self._steps == 0 else self._chosen_state(1.0)
