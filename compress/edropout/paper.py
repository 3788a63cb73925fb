"""The paper's population: bits.

Axes: P population, U units, G groups.
"""

from typing import ClassVar

import torch
from torch import Generator, Tensor

from compress.channels.units import UnitMap
from compress.edropout.evolution import better, cross, mutate_bits, pick_parents
from compress.edropout.population import Energies, EnergyOf, Population, never_empty

FACTOR, CROSSOVER = 0.9, 0.5


class PaperPopulation(Population):
    """The paper's algorithm, unchanged: bits, F = 0.9, C = 0.5, start at 0.5, parents' energies kept (stale)."""

    RESUMED: ClassVar = {"states": "_states_PU", "energies": "_energies_P", "generator": "_generator"}

    def __init__(self, units: UnitMap, *, population: int, generator: Generator) -> None:
        self._units = units
        self._generator = generator
        states = torch.rand(population, units.total, generator=generator) < 0.5
        self._states_PU = never_empty(states, units, generator)
        self._energies_P: Tensor | None = None

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:  # noqa: ARG002
        """Mutate, cross, select against the energies the parents had when they were selected."""
        if self._energies_P is None:
            self._energies_P = energy_of(self._states_PU)
        parents = pick_parents(len(self._states_PU), self._generator)
        mutants = mutate_bits(self._states_PU, parents, factor=FACTOR, generator=self._generator)
        trials = cross(self._states_PU, mutants, rate=CROSSOVER, generator=self._generator)
        trials = never_empty(trials, self._units, self._generator)
        energies = energy_of(trials)
        wins = better(energies, self._energies_P)
        self._states_PU = torch.where(wins.unsqueeze(1), trials, self._states_PU)
        self._energies_P = torch.where(wins, energies, self._energies_P)
        return self.final(), Energies.of(self._energies_P)

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Nothing: the paper's population is not guided."""

    def final(self) -> Tensor:
        """The state of lowest energy."""
        return self._states_PU[0 if self._energies_P is None else self._energies_P.argmin()]

    def converged(self) -> bool:
        """The mean energy equals the best: all do (a mean of equal floats need not equal them)."""
        return self._energies_P is not None and bool(self._energies_P.max() == self._energies_P.min())
