"""Every method by its name: those that choose a state at once, and those that search while the network trains.

A method that chooses at once does so half way between ``search_start`` and ``search_end``; the small network has all
epochs that follow.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from compress.channels.budget import Prunable
from compress.channels.units import UnitMap
from compress.controls.anneal import AnnealedAllocation
from compress.controls.scores import filter_norms, log_keys, norm_factors, share_keys, taylor_scores
from compress.controls.scratch import choose_scratch, planned_state
from compress.controls.task import Choice, Task
from compress.controls.thinet import choose_thinet
from compress.controls.torch_pruning_scores import TORCH_PRUNING, check_torch_pruning, torch_pruning_keys
from compress.edropout.allocation import Allocation, EvolvedAllocation, SaliencyAlone
from compress.edropout.guided import GuidedPopulation
from compress.settings.methods import Method
from compress.settings.search import SearchSettings


def _choose(task: Task, *, keys_of: Callable[[Task, UnitMap], Tensor]) -> Choice:
    """The units of highest key within the budget."""
    keys_U = keys_of(task, task.prunable.units)
    return Choice(task.prunable.repair(keys_U.unsqueeze(0))[0], task.network, keys_U)


_KEYS: Mapping[Method, Callable[[Task, UnitMap], Tensor]] = {
    "random": lambda task, units: share_keys(
        torch.rand(units.total, generator=torch.Generator().manual_seed(task.seed)), units
    ),
    "l1": lambda task, units: share_keys(filter_norms(task.network, units, order=1), units),
    "l2": lambda task, units: share_keys(filter_norms(task.network, units, order=2), units),
    "bn-scale": lambda task, units: log_keys(norm_factors(task.network, units)),
    "taylor": lambda task, units: log_keys(
        taylor_scores(task.network, units, task.train, batch_size=task.batch_size, seed=task.seed)
    ),
}
"""The same share of every group at random or by filter norms; or one threshold for all groups."""

ONE_SHOT: Mapping[Method, Callable[[Task], Choice]] = {
    **{method: partial(_choose, keys_of=keys) for method, keys in _KEYS.items()},
    **{method: partial(_choose, keys_of=partial(torch_pruning_keys, method=method)) for method in TORCH_PRUNING},
    "thinet": choose_thinet,
    "scratch": choose_scratch,
}

ALLOCATIONS: Mapping[Method, Callable[..., Allocation]] = {
    "edropout": EvolvedAllocation,
    "saliency": SaliencyAlone,
    "anneal": AnnealedAllocation,
}
"""Called with the number of groups, ``population`` (its members), the random ``generator`` and ``settings``."""


def guided_population(
    method: Method, prunable: Prunable, settings: SearchSettings, *, population: int, generator: torch.Generator
) -> GuidedPopulation:
    """The population of a method that searches while the network trains (a key of ``ALLOCATIONS``)."""
    groups = len(prunable.units.groups)
    allocation = ALLOCATIONS[method](groups, population=population, generator=generator, settings=settings)
    return GuidedPopulation(prunable, allocation, settings)


_NEEDS: Mapping[Method, Callable[[Task], object]] = {
    "bn-scale": lambda task: norm_factors(task.network, task.prunable.units),
    "scratch": lambda task: planned_state(task.plan, task.prunable),
    **dict.fromkeys(TORCH_PRUNING, check_torch_pruning),
}


def check_applies(method: Method, task: Task) -> None:
    """Check before any training that a method can be used; the weights do not matter.

    UsageError if a group has no BatchNorm, torch-pruning finds other groups or a plan does not fit. BadInputError if
    the plan cannot be read.
    """
    if method in _NEEDS:
        _NEEDS[method](task)
