"""The default population: allocations, guided by saliency, within a budget.

Axes: P population, U units, G groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from compress.budget import Constraint
from compress.edropout.evolution import better, cross, mutate_real, pick_parents
from compress.edropout.population import EnergyOf, Spread


@dataclass(frozen=True)
class GuidedSettings:
    """Settings of the default population; see the card (README.md) for why these values.

    Phases are shares of the search: weights and guidance warm up on the whole network, then the
    budget shrinks to its target at ``shrunk``, then evolution goes on until ``frozen``.
    """

    evolution: bool = True
    factor: float = 0.7
    noise: float = 0.05
    crossover: float = 0.9
    bound: float = 1.0
    sticky: float = 0.2
    memory: float = 0.98
    warm: float = 0.1
    shrunk: float = 0.6
    frozen: float = 0.8
    tolerated_loss: float = 1.5


class GuidedPopulation:
    """The default: saliency says which units of a group stay, evolution how much each group keeps.

    A member is one offset per group, added to the log of the units' saliency; its state is the
    repair of that to the budget. The energy on a batch common to parents and trials selects.
    """

    def __init__(
        self, constraint: Constraint, settings: GuidedSettings, *, population: int, generator: Generator
    ) -> None:
        self._constraint = constraint
        self._settings = settings
        self._generator = generator
        units = constraint.units
        self._offsets_PG = settings.bound / 2 * torch.randn(population, len(units.groups), generator=generator)
        self._offsets_PG[0] = 0.0  # saliency alone is a member to beat
        self._offsets_PG.clamp_(-settings.bound, settings.bound)
        self._saliency_U = torch.zeros(units.total)
        self._steps = 0
        self._in_use_U = torch.ones(units.total, dtype=torch.bool)
        self._chosen = 0
        self._usual_loss = float("inf")
        self._tolerated = True
        self._frozen = False

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Spread]:
        """One generation at the budget of ``progress``; after the freeze the state stays."""
        settings = self._settings
        if progress < settings.warm or self._steps == 0 or self._frozen:
            energy = float(energy_of(self._in_use_U.unsqueeze(0))[0])
            return self._in_use_U, Spread(energy, energy)
        if not settings.evolution:
            self._in_use_U = self._states(torch.zeros_like(self._offsets_PG[:1]), progress)[0]
            energy = float(energy_of(self._in_use_U.unsqueeze(0))[0])
            spread = Spread(energy, energy)
        else:
            spread = self._select(energy_of, progress)
        self._frozen = progress >= settings.frozen and self._tolerated
        return self._in_use_U, spread

    def _select(self, energy_of: EnergyOf, progress: float) -> Spread:
        settings, population = self._settings, len(self._offsets_PG)
        parents = pick_parents(population, self._generator)
        mutants = mutate_real(
            self._offsets_PG, parents, factor=settings.factor, noise=settings.noise, generator=self._generator
        ).clamp(-settings.bound, settings.bound)
        trials = cross(self._offsets_PG, mutants, rate=settings.crossover, generator=self._generator)
        states = self._states(torch.cat([self._offsets_PG, trials]), progress)
        energies = energy_of(states)
        wins = better(energies[population:], energies[:population])
        self._offsets_PG = torch.where(wins.unsqueeze(1), trials, self._offsets_PG)
        kept = torch.where(wins, energies[population:], energies[:population])
        self._chosen = int(kept.argmin())
        self._in_use_U = states[self._chosen + population * int(wins[self._chosen])]
        return Spread(float(kept.min()), float(kept.mean()))

    def _states(self, offsets_PG: Tensor, progress: float) -> Tensor:
        settings = self._settings
        shrinking = (progress - settings.warm) / (settings.shrunk - settings.warm)
        keys_U = 0.5 * torch.log(self._saliency_U / (1 - settings.memory**self._steps) + 1e-30)
        keys_U = keys_U + settings.sticky * self._in_use_U
        keys_PU = keys_U + offsets_PG[:, self._constraint.units.group_of_unit]
        smooth = 1 - (1 - min(max(shrinking, 0.0), 1.0)) ** 3
        return self._constraint.repair(keys_PU, progress=smooth)

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Follow the running mean square of the mask's gradient: dL/ds_u, kept and dropped units alike."""
        memory = self._settings.memory
        self._saliency_U = memory * self._saliency_U + (1 - memory) * gradient_U.cpu().square()
        self._steps += 1
        self._tolerated = self._steps <= 1 or loss <= self._settings.tolerated_loss * self._usual_loss
        if not self._tolerated:
            self._offsets_PG[self._chosen] *= 0.5  # it won on energy and trains badly: back towards saliency alone
        self._usual_loss = loss if self._steps == 1 else memory * self._usual_loss + (1 - memory) * loss

    def in_use(self) -> Tensor:
        """The state the last step was trained with, at the budget of that time."""
        return self._in_use_U

    def final(self) -> Tensor:
        """The state in use when evolution froze; before that, the chosen member at the whole budget."""
        if self._frozen or self._steps == 0:
            return self._in_use_U
        return self._states(self._offsets_PG[self._chosen].unsqueeze(0), progress=1.0)[0]

    def converged(self) -> bool:
        """Never early: after the freeze the weights adapt until the search's last step."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Offsets, saliency, the state in use and the random generator."""
        return {
            "offsets": self._offsets_PG,
            "saliency": self._saliency_U,
            "steps": self._steps,
            "in_use": self._in_use_U,
            "chosen": self._chosen,
            "usual_loss": self._usual_loss,
            "tolerated": self._tolerated,
            "frozen": self._frozen,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._offsets_PG, self._saliency_U = state["offsets"], state["saliency"]
        self._steps, self._in_use_U = state["steps"], state["in_use"]
        self._chosen, self._usual_loss = state["chosen"], state["usual_loss"]
        self._tolerated, self._frozen = state["tolerated"], state["frozen"]
        self._generator.set_state(state["generator"])
