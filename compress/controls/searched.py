"""The methods that search while the network trains: the same guidance, three ways to find an allocation."""

from collections.abc import Callable, Mapping

from torch import Generator

from compress.controls.anneal import AnnealedAllocation, AnnealingSettings
from compress.edropout.allocation import Allocation, EvolutionSettings, EvolvedAllocation, SaliencyAlone
from compress.settings.config import Method

MakeAllocation = Callable[[int, int, Generator], Allocation]
"""Groups, members of the population, random generator -> the search for offsets."""


def evolved(groups: int, population: int, generator: Generator) -> Allocation:
    """EDropout's own: differential evolution."""
    return EvolvedAllocation(groups, EvolutionSettings(), population=population, generator=generator)


def annealed(groups: int, population: int, generator: Generator) -> Allocation:
    """One state that moves, with as many energies in a mini-batch as parents and trials of the population have."""
    return AnnealedAllocation(groups, AnnealingSettings(judged=2 * population), generator=generator)


def saliency_alone(groups: int, population: int, generator: Generator) -> Allocation:  # noqa: ARG001
    """No offsets."""
    return SaliencyAlone(groups)


ALLOCATIONS: Mapping[Method, MakeAllocation] = {
    "edropout": evolved,
    "saliency": saliency_alone,
    "anneal": annealed,
}
