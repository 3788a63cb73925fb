"""Allocations: one offset per group, how much more or less it keeps than saliency says; and their evolution.

Axes: P population, G groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from compress.edropout.evolution import better, cross, mutate_real, pick_parents
from compress.edropout.population import Spread

Judge = Callable[[Tensor], Tensor]
"""Offsets, float (P, G) -> the energy losses (P,) of their states on the current mini-batch."""

BOUND = 1.0
"""Largest absolute offset, in units of the logarithm of saliency: no group loses almost all units."""


class Allocation(Protocol):
    """A search for offsets, one step per mini-batch."""

    def select(self, judge: Judge, *, phase: float) -> Spread:
        """Measure the energies of some offsets and choose one; ``phase`` runs from 0 to 1 while states may change."""

    def chosen(self) -> Tensor:
        """The chosen offsets, float G."""

    def draw_back(self) -> None:
        """Halve the chosen offsets, because their state trains badly."""

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers to go on from."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""


class SaliencyAlone:
    """No offsets: the method's own ablation."""

    def __init__(self, groups: int) -> None:
        self._zeros_G = torch.zeros(groups)

    def select(self, judge: Judge, *, phase: float) -> Spread:  # noqa: ARG002
        """The energy of saliency's state, for the record."""
        energy = float(judge(self._zeros_G.unsqueeze(0))[0])
        return Spread(energy, energy)

    def chosen(self) -> Tensor:
        """Zeros."""
        return self._zeros_G

    def draw_back(self) -> None:
        """Nothing to draw back."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing."""


@dataclass(frozen=True)
class EvolutionSettings:
    """Differential evolution of offsets; see the card (README.md) for why these values."""

    factor: float = 0.7
    noise: float = 0.05
    crossover: float = 0.9


class EvolvedAllocation:
    """A population of offsets; energies of parents and trials are measured together, on the same images."""

    def __init__(self, groups: int, settings: EvolutionSettings, *, population: int, generator: Generator) -> None:
        self._settings = settings
        self._generator = generator
        self._offsets_PG = BOUND / 2 * torch.randn(population, groups, generator=generator)
        self._offsets_PG[0] = 0.0  # saliency alone is a member to beat
        self._offsets_PG.clamp_(-BOUND, BOUND)
        self._chosen = 0

    def select(self, judge: Judge, *, phase: float) -> Spread:  # noqa: ARG002
        """One generation; the member of lowest energy is chosen."""
        settings, population = self._settings, len(self._offsets_PG)
        parents = pick_parents(population, self._generator)
        mutants = mutate_real(
            self._offsets_PG, parents, factor=settings.factor, noise=settings.noise, generator=self._generator
        ).clamp(-BOUND, BOUND)
        trials = cross(self._offsets_PG, mutants, rate=settings.crossover, generator=self._generator)
        energies = judge(torch.cat([self._offsets_PG, trials]))
        wins = better(energies[population:], energies[:population])
        self._offsets_PG = torch.where(wins.unsqueeze(1), trials, self._offsets_PG)
        kept = torch.where(wins, energies[population:], energies[:population])
        self._chosen = int(kept.argmin())
        return Spread(float(kept.min()), float(kept.mean()))

    def chosen(self) -> Tensor:
        """The offsets of the member of lowest energy."""
        return self._offsets_PG[self._chosen]

    def draw_back(self) -> None:
        """Halve the chosen member's offsets."""
        self._offsets_PG[self._chosen] *= 0.5

    def state_dict(self) -> dict[str, Any]:
        """Offsets, the chosen member and the random generator."""
        return {"offsets": self._offsets_PG, "chosen": self._chosen, "generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._offsets_PG, self._chosen = state["offsets"], state["chosen"]
        self._generator.set_state(state["generator"])
