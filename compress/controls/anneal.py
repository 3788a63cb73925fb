"""Simulated annealing of the allocation (Kirkpatrick et al. 1983): one state where EDropout has a population.

Axes: P states judged together, G groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from compress.edropout.allocation import BOUND, Judge
from compress.edropout.population import Spread


@dataclass(frozen=True)
class AnnealingSettings:
    """Settings of the annealing.

    Attributes:
        judged: energies measured in a mini-batch: of the state in use and of moves from it.
        step: standard deviation of an offset's change.
        moved: the share of the groups whose offsets a move changes, at least one.
        cooling: the last temperature as a share of the first.
        memory: of the running mean of uphill moves, the unit of temperature.
    """

    judged: int
    step: float = 0.3
    moved: float = 0.25
    cooling: float = 0.01
    memory: float = 0.98


class AnnealedAllocation:
    """One allocation that takes one step per mini-batch.

    Several moves from where it stands are judged in one forward, and it goes to one of them, or stays,
    with probability in proportion to ``exp(-energy / T)``: a heat-bath (Gibbs) choice among the state and its
    moves. With more than one move that is not Metropolis' rule, and somewhat colder than ``T`` says (README.md).
    ``T`` falls geometrically, from the mean rise of an uphill move (measured as the search goes, for energies
    spread while the budget shrinks) to ``cooling`` of that.
    """

    def __init__(self, groups: int, settings: AnnealingSettings, *, generator: Generator) -> None:
        self._settings = settings
        self._generator = generator
        self._offsets_G = torch.zeros(groups)
        self._usual_rise = 0.0

    def select(self, judge: Judge, *, phase: float) -> Spread:
        """Move to another allocation, or stay."""
        places_PG = torch.cat([self._offsets_G.unsqueeze(0), self._moves()])
        energies_P = judge(places_PG)
        self._follow(energies_P - energies_P[0])
        place = self._draw(energies_P, self._usual_rise * self._settings.cooling**phase)
        self._offsets_G = places_PG[place]
        energy = float(energies_P[place])
        return Spread(energy, energy)

    def _moves(self) -> Tensor:
        settings, groups = self._settings, len(self._offsets_G)
        shape = (settings.judged - 1, groups)
        ranks_PG = torch.rand(shape, generator=self._generator).argsort(dim=1)
        moved_PG = ranks_PG < max(1, round(settings.moved * groups))
        steps_PG = settings.step * torch.randn(shape, generator=self._generator)
        return (self._offsets_G + steps_PG * moved_PG).clamp(-BOUND, BOUND)

    def _follow(self, rises_P: Tensor) -> None:
        uphill = rises_P[(rises_P > 0) & rises_P.isfinite()]
        if len(uphill):
            memory = self._settings.memory if self._usual_rise else 0.0
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

    def draw_back(self) -> None:
        """Halve the offsets."""
        self._offsets_G = self._offsets_G / 2

    def state_dict(self) -> dict[str, Any]:
        """Offsets, the usual rise and the random generator."""
        return {
            "offsets": self._offsets_G,
            "usual_rise": self._usual_rise,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._offsets_G, self._usual_rise = state["offsets"], state["usual_rise"]
        self._generator.set_state(state["generator"])
