"""Allocations: one offset per group, how much more or less it keeps than saliency says; and their evolution.

Axes: P population, G groups.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Generator, Tensor

from compress.edropout.evolution import better, cross, mutate_real, pick_parents
from compress.edropout.population import Energies, Resumable
from compress.settings.search import SearchSettings

OffsetEnergies = Callable[[Tensor], Tensor]
"""Offsets, float (P, G) -> the energy losses (P,) of their states on the current mini-batch."""

FACTOR, NOISE, CROSSOVER = 0.7, 0.05, 0.9
"""Settings of the evolution; the card (README.md) has the equations."""


class Allocation(Resumable, ABC):
    """A search for offsets, one step per mini-batch."""

    @abstractmethod
    def select(self, energies_of: OffsetEnergies, *, phase: float) -> Energies:
        """Measure the energies of some offsets and choose one; ``phase`` runs from 0 to 1 while states may change."""

    @abstractmethod
    def chosen(self) -> Tensor:
        """The chosen offsets, float G."""

    def trained(self) -> Tensor:
        """The offsets whose state trains until the next step of the search, float G: the chosen ones."""
        return self.chosen()

    @abstractmethod
    def halve_trained(self) -> None:
        """Halve the offsets that train, because their state trains badly."""


class SaliencyAlone(Allocation):
    """No offsets: the method's own ablation."""

    def __init__(self, groups: int, **_unused: object) -> None:
        self._zeros_G = torch.zeros(groups)

    def select(self, energies_of: OffsetEnergies, *, phase: float) -> Energies:  # noqa: ARG002
        """The energy of saliency's state, for the record."""
        energy = float(energies_of(self._zeros_G.unsqueeze(0))[0])
        return Energies(energy, energy)

    def chosen(self) -> Tensor:
        """Zeros."""
        return self._zeros_G

    def halve_trained(self) -> None:
        """Zeros stay zeros."""


class EvolvedAllocation(Allocation):
    """A population of offsets; energies of parents and trials are measured together, on the same images.

    A member's energy is its difference to the parents' mean, so that hard and easy images compare; parents may keep a
    running mean of it. The member that trains is the best, or one drawn at random, as units are drawn in dropout: the
    weights then suit no member more than another. No offset is larger than ``settings.bound``: no group loses almost
    all units.
    """

    RESUMED: ClassVar = {
        "offsets": "_offsets_PG", "energies": "_energies_P", "chosen": "_chosen",
        "drawn": "_drawn", "generator": "_generator",
    }  # fmt: skip

    def __init__(self, groups: int, *, population: int, generator: Generator, settings: SearchSettings) -> None:
        self._generator = generator
        self._settings = settings
        self._energies_P = torch.full((population,), torch.inf)  # not measured yet
        self._drawn = 0
        bound = settings.bound
        self._offsets_PG = bound / 2 * torch.randn(population, groups, generator=generator)
        self._offsets_PG[0] = 0.0  # saliency alone is a member to beat
        self._offsets_PG.clamp_(-bound, bound)
        self._chosen = 0

    def select(self, energies_of: OffsetEnergies, *, phase: float) -> Energies:  # noqa: ARG002
        """One generation; the member of lowest energy is chosen."""
        offsets, generator, population = self._offsets_PG, self._generator, len(self._offsets_PG)
        memory, bound = self._settings.parents, self._settings.bound
        parents = pick_parents(population, generator)
        mutants = mutate_real(offsets, parents, factor=FACTOR, noise=NOISE, generator=generator)
        trials = cross(offsets, mutants.clamp(-bound, bound), rate=CROSSOVER, generator=generator)
        energies = energies_of(torch.cat([offsets, trials]))
        finite = energies[:population][energies[:population].isfinite()]
        usual = finite.mean() if len(finite) else torch.tensor(0.0)
        parents_P, trials_P = energies[:population] - usual, energies[population:] - usual
        mean_P = memory * self._energies_P + (1 - memory) * parents_P
        parents_P = torch.where(self._energies_P.isfinite(), mean_P, parents_P)
        wins = better(trials_P, parents_P)
        self._offsets_PG = torch.where(wins.unsqueeze(1), trials, offsets)
        self._energies_P = torch.where(wins, trials_P, parents_P)
        self._chosen = int(self._energies_P.argmin())
        drawn = self._settings.member == "drawn"
        self._drawn = int(torch.randint(population, (1,), generator=generator)) if drawn else self._chosen
        return Energies.of(torch.where(wins, energies[population:], energies[:population]))

    def chosen(self) -> Tensor:
        """The offsets of the member of lowest energy."""
        return self._offsets_PG[self._chosen]

    def trained(self) -> Tensor:
        """The offsets of the member of lowest energy, or of one drawn at random."""
        return self._offsets_PG[self._drawn]

    def halve_trained(self) -> None:
        """Halve the offsets of the member that trains."""
        self._offsets_PG[self._drawn] *= 0.5
