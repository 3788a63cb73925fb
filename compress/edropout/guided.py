"""The default population: allocations, guided by saliency, within a budget.

Axes: P population, U units, G groups.
"""

from typing import ClassVar

import torch
from torch import Tensor

from compress.channels.budget import Prunable
from compress.edropout.allocation import Allocation
from compress.edropout.population import Energies, EnergyOf, Population
from compress.settings.search import SearchSettings

FEWEST = 25
"""Times that the state changes in a short search, if it has as many steps: a period is shorter than the settings'."""

SELDOM = 6
"""Steps from one generation to the next, at least, unless the settings' period is shorter: a generation costs as much
as two to three steps. The states between follow the budget with the offsets of the last generation."""

TOLERATED_LOSS = 1.5
"""A state trains badly if its mean loss since the last generation is more than this many times the running mean."""


class GuidedPopulation(Population):
    """The default: saliency says which units of a group stay, an allocation how much each group keeps.

    An allocation's offsets, one per group, are added to the log of the units' saliency, and repaired to the budget.
    """

    RESUMED: ClassVar = {
        "allocation": "_allocation", "saliency": "_saliency_U", "steps": "_steps", "in_use": "_in_use_U",
        "usual_loss": "_usual_loss", "loss_sum": "_loss_sum", "loss_steps": "_loss_steps",
        "frozen": "_frozen", "energies": "_energies",
        "next_step": "_next_step", "next_progress": "_next_progress", "next_generation": "_next_generation",
    }  # fmt: skip

    def __init__(self, prunable: Prunable, allocation: Allocation, settings: SearchSettings) -> None:
        self._settings = settings
        self._prunable = prunable
        self._allocation = allocation
        self._saliency_U = torch.zeros(prunable.units.total)
        self._steps = 0
        self._in_use_U = torch.ones(prunable.units.total, dtype=torch.bool)
        self._energies: tuple[float, ...] = ()
        self._usual_loss = float("inf")
        self._loss_sum, self._loss_steps = 0.0, 0  # since the last generation
        self._frozen = False
        self._next_step, self._next_progress = 0, 0.0
        self._next_generation = 0

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:
        """Once a period a new state at the budget of ``progress``, until the freeze; else the one in use."""
        settings = self._settings
        due = self._steps >= self._next_step or progress >= self._next_progress
        if due and self._steps and progress >= settings.warm and not self._frozen:
            self._next_step, self._next_progress = self._steps + settings.period, progress + 0.999 / FEWEST
            tolerated = self._is_tolerated()
            if not tolerated:
                self._allocation.halve_trained()
            if self._steps >= self._next_generation:
                self._next_generation = self._steps + min(SELDOM, settings.period)
                self._select(energy_of, progress)
            self._frozen = progress >= settings.frozen and tolerated
            if self._frozen:
                self._in_use_U = self._state_of(self._allocation.chosen(), 1.0)
            else:
                self._in_use_U = self._state_of(self._allocation.trained(), progress)
        elif not self._energies:
            energy = float(energy_of(self._in_use_U.unsqueeze(0))[0])
            self._energies = (energy, energy, 0.0)
        return self._in_use_U, Energies(*self._energies)

    def _select(self, energy_of: EnergyOf, progress: float) -> None:
        """One generation."""
        settings = self._settings
        phase = min((progress - settings.warm) / (settings.frozen - settings.warm), 1.0)
        found = self._allocation.select(lambda offsets: energy_of(self._states(offsets, progress)), phase=phase)
        self._energies = (found.best, found.mean, found.spread)

    def _is_tolerated(self) -> bool:
        """Whether the state in use trained as well since the last generation as states usually do."""
        mean, usual, steps = self._loss_sum / max(self._loss_steps, 1), self._usual_loss, self._loss_steps
        forgotten = 1 - self._settings.memory**steps
        self._usual_loss = mean if usual == float("inf") else usual + forgotten * (mean - usual)
        self._loss_sum, self._loss_steps = 0.0, 0
        return mean <= TOLERATED_LOSS * usual

    def _state_of(self, offsets_G: Tensor, progress: float) -> Tensor:
        return self._states(offsets_G.unsqueeze(0), progress)[0]

    def _states(self, offsets_PG: Tensor, progress: float) -> Tensor:
        settings = self._settings
        shrinking = (progress - settings.warm) / (settings.shrunk - settings.warm)
        left = 1 - min(max(shrinking, 0.0), 1.0)
        return self._prunable.repair(self._keys(offsets_PG), progress=1 - left**3)

    def _keys(self, offsets_PG: Tensor) -> Tensor:
        """The priority of every unit with some offsets: float (P, U)."""
        settings, units = self._settings, self._prunable.units
        seen = 1 - settings.memory**self._steps
        keys_U = 0.5 * torch.log(self._saliency_U / seen + 1e-30) + settings.sticky * self._in_use_U
        keys_PG = offsets_PG
        if settings.by_cost:
            keys_PG = offsets_PG - 0.5 * self._prunable.unit_costs(self._in_use_U).log().to(offsets_PG.dtype)
        return keys_U + keys_PG[:, units.group_of_unit]

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Follow the running mean square of the mask's gradient: dL/ds_u, kept and dropped units alike."""
        memory = self._settings.memory
        self._saliency_U = memory * self._saliency_U + (1 - memory) * gradient_U.cpu().square()
        self._steps += 1
        self._loss_sum, self._loss_steps = self._loss_sum + loss, self._loss_steps + 1

    def keys(self) -> Tensor:
        """Those of the chosen offsets, with the saliency of the last steps."""
        return self._keys(self._allocation.chosen().unsqueeze(0))[0]

    def in_use(self) -> Tensor:
        """The state the last step was trained with, at the budget of that time."""
        return self._in_use_U

    def final(self) -> Tensor:
        """The state in use when it froze (the weights then adapt to it); before, the chosen offsets' at the budget."""
        return self._in_use_U if self._frozen or self._steps == 0 else self._state_of(self._allocation.chosen(), 1.0)
