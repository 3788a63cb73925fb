"""The interface of a population.

Axes: P population, U units, G groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from compress.channels.units import UnitMap

EnergyOf = Callable[[Tensor], Tensor]
"""States, bool (P, U) -> their energy losses (P,) on the current mini-batch."""


@dataclass(frozen=True)
class Spread:
    """Energy losses of the population at one iteration: the lowest and the mean."""

    best: float
    mean: float


class Population(Protocol):
    """Evolves once per mini-batch and offers the state to train with."""

    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Spread]:
        """One generation; ``progress`` runs from 0 to 1 over the search. Returns the state, bool U."""

    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """The mask's gradient and the training loss of the step taken with the state."""

    def in_use(self) -> Tensor:
        """The state the last step was trained with, bool U."""

    def final(self) -> Tensor:
        """The state to keep once the search is over, bool U."""

    def converged(self) -> bool:
        """True where evolution has nothing left to choose."""

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers to go on from."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""


def never_empty(states_PU: Tensor, units: UnitMap, generator: Generator) -> Tensor:
    """Give every group that a state empties one unit back, drawn at random."""
    states = states_PU.clone()
    empty_PG = units.counts(states) == 0
    for member, index in empty_PG.nonzero().tolist():
        group = units.groups[index]
        states[member, group.first + int(torch.randint(group.size, (1,), generator=generator))] = True
    return states
