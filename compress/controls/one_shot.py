"""One-shot methods: they choose a state in the trained network, and all other epochs go to fine-tuning."""

from collections.abc import Callable, Mapping
from functools import partial

import torch

from compress.controls.scores import filter_norms, log_keys, norm_factors, share_keys
from compress.controls.scratch import choose_scratch, planned_state
from compress.controls.task import Choice, Choose, Task
from compress.controls.taylor import taylor_scores
from compress.controls.thinet import choose_thinet
from compress.settings.config import Method


def choose_random(task: Task) -> Choice:
    """The same share of every group, drawn at random."""
    units = task.prunable.units
    drawn_U = torch.rand(units.total, generator=torch.Generator().manual_seed(task.seed))
    return _kept(task, share_keys(drawn_U, units))


def choose_by_norm(task: Task, *, order: int) -> Choice:
    """The same share of every group, filters of large l1 or l2 norm (``order`` 1 or 2)."""
    units = task.prunable.units
    return _kept(task, share_keys(filter_norms(task.network, units, order=order), units))


def choose_bn_scale(task: Task) -> Choice:
    """Units of large BatchNorm factor, one threshold for all groups.

    Raises:
        UsageError: a group has no BatchNorm.
    """
    return _kept(task, log_keys(norm_factors(task.network, task.prunable.units)))


def choose_taylor(task: Task) -> Choice:
    """Units that change the loss most when dropped, one threshold for all groups."""
    units = task.prunable.units
    scores_U = taylor_scores(task.network, units, task.train, batch_size=task.batch_size, seed=task.seed)
    return _kept(task, log_keys(scores_U))


ONE_SHOT: Mapping[Method, Choose] = {
    "random": choose_random,
    "l1": partial(choose_by_norm, order=1),
    "l2": partial(choose_by_norm, order=2),
    "bn-scale": choose_bn_scale,
    "taylor": choose_taylor,
    "thinet": choose_thinet,
    "scratch": choose_scratch,
}

_NEEDS: Mapping[Method, Callable[[Task], object]] = {
    "bn-scale": lambda task: norm_factors(task.network, task.prunable.units),
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


def _kept(task: Task, keys_U: torch.Tensor) -> Choice:
    keep_U = task.prunable.repair(keys_U.unsqueeze(0), progress=1.0)[0]
    return Choice(keep_U, task.network)
