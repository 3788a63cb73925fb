"""Simulated annealing of the allocation (Kirkpatrick et al. 1983): one state where EDropout has a population.

Axes: P places (allocations) whose energies are measured together, G groups.
"""

from typing import ClassVar

import torch
from torch import Generator, Tensor

from compress.edropout.allocation import Allocation, OffsetEnergies
from compress.edropout.population import Energies
from compress.settings.search import SearchSettings

STEP, MOVED = 0.3, 0.25
"""Standard deviation of an offset's change; share of the groups whose offsets a move changes, at least one."""

COOLING, MEMORY = 0.01, 0.98
"""The last temperature as a share of the first; memory of the running mean of uphill moves, the unit of temperature."""


class AnnealedAllocation(Allocation):
    """One allocation that takes one step per mini-batch.

    It and several moves from it, as many as a population's parents and trials, are measured in one forward pass. One is
    drawn in proportion to ``exp(-energy / T)``: a heat-bath (Gibbs) choice, not Metropolis' rule, and somewhat colder
    than ``T`` says (README.md). ``T`` falls geometrically to ``COOLING`` of the running mean rise of an uphill move.
    """

    RESUMED: ClassVar = {"offsets": "_offsets_G", "usual_rise": "_usual_rise", "generator": "_generator"}

    def __init__(self, groups: int, *, population: int, generator: Generator, settings: SearchSettings) -> None:
        self._bound = settings.bound
        self._places = 2 * population
        self._generator = generator
        self._offsets_G = torch.zeros(groups)
        self._usual_rise = 0.0

    def select(self, energies_of: OffsetEnergies, *, phase: float) -> Energies:
        """Move to another allocation, or stay."""
        places_PG = torch.cat([self._offsets_G.unsqueeze(0), self._moves()])
        energies_P = energies_of(places_PG)
        self._follow(energies_P - energies_P[0])
        place = self._draw(energies_P, self._usual_rise * COOLING**phase)
        self._offsets_G = places_PG[place]
        energy = float(energies_P[place])
        return Energies(energy, energy)

    def _moves(self) -> Tensor:
        shape = (self._places - 1, len(self._offsets_G))
        ranks_PG = torch.rand(shape, generator=self._generator).argsort(dim=1)
        moved_PG = ranks_PG < max(1, round(MOVED * shape[1]))
        steps_PG = STEP * torch.randn(shape, generator=self._generator)
        return (self._offsets_G + steps_PG * moved_PG).clamp(-self._bound, self._bound)

    def _follow(self, rises_P: Tensor) -> None:
        uphill = rises_P[(rises_P > 0) & rises_P.isfinite()]
        if len(uphill):
            memory = MEMORY if self._usual_rise else 0.0
            self._usual_rise = memory * self._usual_rise + (1 - memory) * float(uphill.mean())

    def _draw(self, energies_P: Tensor, temperature: float) -> int:
        lowest = int(energies_P.argmin())
        if not temperature or not energies_P[lowest].isfinite():
            return lowest
        chances_P = torch.softmax((energies_P[lowest] - energies_P) / temperature, dim=0)
        return int(torch.multinomial(chances_P, 1, generator=self._generator))

    def chosen(self) -> Tensor:
        """The current offsets."""
        return self._offsets_G

    def halve_trained(self) -> None:
        """Halve the offsets."""
        self._offsets_G = self._offsets_G / 2
