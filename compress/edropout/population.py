"""The interface of a population.

Axes: P population, U units, G groups.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from compress.channels.units import UnitMap
from compress.errors import DivergedError, UsageError

EnergyOf = Callable[[Tensor], Tensor]
"""States, bool (P, U) -> their energy losses (P,) on the current mini-batch."""


@dataclass(frozen=True)
class Energies:
    """Energy losses of a population at one iteration: the lowest, the mean, the standard deviation."""

    best: float
    mean: float
    spread: float = 0.0  # of a single state

    @classmethod
    def of(cls, energies_P: Tensor) -> "Energies":
        """Those of a population, of the states whose energy is finite; DivergedError if no state has one."""
        finite = energies_P[energies_P.isfinite()]
        if not len(finite):
            raise DivergedError(
                "no state of the population has a finite energy; try a smaller learning rate, or check the images' "
                "normalisation"
            )
        return cls(float(finite.min()), float(finite.mean()), float(finite.std(correction=0)))


class Resumable:
    """An object whose state is saved and loaded: ``RESUMED`` maps the state's keys to attributes."""

    RESUMED: ClassVar[Mapping[str, str]] = {}

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers to go on from."""
        values = {key: getattr(self, name) for key, name in self.RESUMED.items()}
        states = {key: value.state_dict() for key, value in values.items() if hasattr(value, "state_dict")}
        return values | states | {k: value.get_state() for k, value in values.items() if isinstance(value, Generator)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; UsageError if another version of compress saved it, or found other units."""
        if missing := sorted(self.RESUMED.keys() - state.keys()):
            raise UsageError(
                f"this search was begun by another version of compress, which did not save {', '.join(missing)}: "
                "finish it with that version, or begin anew"
            )
        for key, name in self.RESUMED.items():
            value = getattr(self, name)
            if isinstance(value, Tensor) and value.shape != state[key].shape:
                raise UsageError(
                    "this run was searching other groups of channels than this version of compress finds in the same "
                    "network: finish it with the version that began it (see env.json), or begin anew with --overwrite"
                )
            if isinstance(value, Generator):
                value.set_state(state[key])
            elif hasattr(value, "load_state_dict"):
                value.load_state_dict(state[key])
            else:
                setattr(self, name, state[key])


class Population(Resumable, ABC):
    """Evolves from mini-batch to mini-batch and offers the state to train with."""

    @abstractmethod
    def evolve(self, energy_of: EnergyOf, *, progress: float) -> tuple[Tensor, Energies]:
        """One generation; ``progress`` runs from 0 to 1 over the search. Returns the state, bool U."""

    @abstractmethod
    def learn(self, gradient_U: Tensor, loss: float) -> None:
        """The mask's gradient and the training loss of the step taken with the state."""

    @abstractmethod
    def final(self) -> Tensor:
        """The state to keep once the search is over, bool U."""

    def keys(self) -> Tensor | None:
        """The priority of every unit by which a tighter budget is met, float U; ``None``: there is no such order."""
        return None

    def in_use(self) -> Tensor:
        """The state the last step was trained with, bool U."""
        return self.final()

    def converged(self) -> bool:
        """True where evolution has nothing left to choose."""
        return False


def never_empty(states_PU: Tensor, units: UnitMap, generator: Generator) -> Tensor:
    """Give every group that a state empties one unit back, drawn at random."""
    states = states_PU.clone()
    for member, index in (units.counts(states) == 0).nonzero().tolist():
        group = units.groups[index]
        states[member, group.first + int(torch.randint(group.size, (1,), generator=generator))] = True
    return states
