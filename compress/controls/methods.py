"""Every method by its name: those that choose a state at once, and those that search while the network trains.

A method that chooses at once does so in the trained network; all other epochs go to fine-tuning.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from compress.controls.anneal import AnnealedAllocation
from compress.controls.scores import filter_norms, log_keys, norm_factors, share_keys, taylor_scores
from compress.controls.scratch import choose_scratch, planned_state
from compress.controls.task import Choice, Choose, Task
from compress.controls.thinet import choose_thinet
from compress.edropout.allocation import Allocation, EvolvedAllocation, SaliencyAlone
from compress.settings.config import Method


def _choose(task: Task, *, keys_of: Callable[[Task], Tensor]) -> Choice:
    """The units of highest key within the budget."""
    return Choice(task.prunable.repair(keys_of(task).unsqueeze(0))[0], task.network)


def _random_keys(task: Task) -> Tensor:
    """The same share of every group, drawn at random."""
    units = task.prunable.units
    return share_keys(torch.rand(units.total, generator=torch.Generator().manual_seed(task.seed)), units)


def _norm_keys(task: Task, *, order: int) -> Tensor:
    """The same share of every group, filters of large l1 or l2 norm (``order`` 1 or 2)."""
    units = task.prunable.units
    return share_keys(filter_norms(task.network, units, order=order), units)


def _bn_scale_keys(task: Task) -> Tensor:
    """Units of large BatchNorm factor, one threshold for all groups; UsageError if a group has no BatchNorm."""
    return log_keys(norm_factors(task.network, task.prunable.units))


def _taylor_keys(task: Task) -> Tensor:
    """Units that change the loss most when dropped, one threshold for all groups."""
    units = task.prunable.units
    return log_keys(taylor_scores(task.network, units, task.train, batch_size=task.batch_size, seed=task.seed))


ONE_SHOT: Mapping[Method, Choose] = {
    "random": partial(_choose, keys_of=_random_keys),
    "l1": partial(_choose, keys_of=partial(_norm_keys, order=1)),
    "l2": partial(_choose, keys_of=partial(_norm_keys, order=2)),
    "bn-scale": partial(_choose, keys_of=_bn_scale_keys),
    "taylor": partial(_choose, keys_of=_taylor_keys),
    "thinet": choose_thinet,
    "scratch": choose_scratch,
}

ALLOCATIONS: Mapping[Method, Callable[..., Allocation]] = {
    "edropout": EvolvedAllocation,
    "saliency": SaliencyAlone,
    "anneal": AnnealedAllocation,
}
"""Called with the number of groups, ``population`` (its members) and the random ``generator``."""

_NEEDS: Mapping[Method, Callable[[Task], object]] = {
    "bn-scale": _bn_scale_keys,
    "scratch": lambda task: planned_state(task.plan, task.prunable),
}


def check_applies(method: Method, task: Task) -> None:
    """Check before any training that a method can be used; the weights do not matter.

    Raises:
        UsageError: it cannot: no BatchNorm, or a plan that does not fit.
        BadInputError: the plan cannot be read.
    """
    if method in _NEEDS:
        _NEEDS[method](task)
