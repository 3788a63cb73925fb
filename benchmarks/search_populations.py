"""The paper's population done naively, and a population that is watched: see ``benchmarks.search_steps``.

Axes: P population, U units.
"""

import time
from typing import ClassVar

import torch
from torch import Tensor

from compress.edropout.population import Energies, EnergyOf, Population


class NaivePopulation(Population):
    """P random states, each judged by a forward pass of its own, as the paper describes it; the best one trains."""

    def __init__(self, units: int, *, population: int) -> None:
        self._generator = torch.Generator().manual_seed(0)
        self._states_PU = torch.rand(population, units, generator=self._generator) < 0.5

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:  # noqa: ARG002
        """New states, one forward pass for each."""
        self._states_PU = torch.rand(self._states_PU.shape, generator=self._generator) < 0.5
        energies_P = torch.cat([energy_of(state_U.unsqueeze(0)) for state_U in self._states_PU])
        return self._states_PU[energies_P.argmin()], Energies.of(energies_P)

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """Nothing."""

    def final(self) -> Tensor:
        """Any."""
        return self._states_PU[0]


class Watched(Population):
    """A population of which it is known how many states the last step judged, and for how long."""

    RESUMED: ClassVar = {"inner": "inner"}

    def __init__(self, inner: Population) -> None:
        self.inner = inner
        self.judged, self.energy_seconds, self.evolve_seconds = 0, 0.0, 0.0

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:
        """As the population; measured."""
        self.judged, self.energy_seconds = 0, 0.0

        def timed(states_PU: Tensor) -> Tensor:
            began = time.perf_counter()
            energies_P = energy_of(states_PU)
            self.energy_seconds += time.perf_counter() - began
            self.judged += len(states_PU)
            return energies_P

        began = time.perf_counter()
        found = self.inner.evolve(timed, progress=progress)
        self.evolve_seconds = time.perf_counter() - began
        return found

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """As the population."""
        self.inner.learn(gradient_U, loss)

    def final(self) -> Tensor:
        """As the population."""
        return self.inner.final()
