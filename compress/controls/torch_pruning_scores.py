"""torch-pruning's importances of units, computed by its own code on its own groups (Fang et al., CVPR 2023).

Axes: U units, C output channels of a layer.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.channels.units import UnitMap
from compress.controls.scores import log_keys, share_keys
from compress.controls.task import Task
from compress.controls.torch_pruning_groups import matching_groups
from compress.data.bundle import Order
from compress.settings.methods import Method
from compress.structure.shrink import import_torch_pruning
from exporters.module_copy import copy_module

TORCH_PRUNING: Final[tuple[Method, ...]] = tuple(name for name in get_args(Method) if name.startswith("tp-"))
"""Methods that take torch-pruning's scores: ``tp-IMPORTANCE``, and ``tp-IMPORTANCE-uniform``."""

_IMPORTANCES: Final = {
    "taylor": "GroupTaylorImportance",
    "hessian": "GroupHessianImportance",
    "lamp": "LAMPImportance",
    "fpgm": "FPGMImportance",
    "group-norm": "GroupMagnitudeImportance",
}

BATCHES, BATCH = 10, 64
"""Mini-batches that gradients are taken over, and their images: as in torch-pruning's examples."""


def torch_pruning_keys(task: Task, units: UnitMap, *, method: Method) -> Tensor:
    """Keys of a ``tp-`` method, float U: one threshold for all groups (its global pruning), or for each its share."""
    importance = method.removeprefix("tp-")
    scores_U = torch_pruning_scores(task, importance.removesuffix("-uniform"))
    return share_keys(scores_U, units) if importance.endswith("-uniform") else log_keys(scores_U)


def torch_pruning_scores(task: Task, importance: str) -> Tensor:
    """Scores by one of torch-pruning's importances with its default normalisation: float64 U.

    ``importance``: taylor, hessian, lamp, fpgm or group-norm. A group whose scores are all 0 keeps 0. UsageError where
    the groups differ from ours.
    """
    network = _copy(task.network)
    groups = matching_groups(network, task.prunable.units, _one_image(task))
    if importance == "taylor":
        _add_gradients(network, task)
    elif importance == "hessian":
        _mean_squared_gradients(network, task)
    score = getattr(import_torch_pruning().importance, _IMPORTANCES[importance])()
    return torch.cat([score(group).double().cpu().nan_to_num() for group in groups])


def check_torch_pruning(task: Task) -> None:
    """UsageError if torch-pruning's groups are not those of this network."""
    matching_groups(_copy(task.network), task.prunable.units, _one_image(task))


def _copy(network: nn.Module) -> nn.Module:
    """A copy whose parameters all have a gradient, 0: torch-pruning follows gradients, and reads ``.grad``."""
    copy = copy_module(network).eval()
    for parameter in copy.parameters():
        parameter.requires_grad_(True).grad = torch.zeros_like(parameter)
    return copy


def _one_image(task: Task) -> Tensor:
    images, _labels = next(iter(task.train.batches(1)))
    return images.to(next(task.network.parameters()).device)


def _batches(task: Task, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The training images that gradients are taken over, ``size`` at a time."""
    device = next(task.network.parameters()).device
    for batch in islice(task.train.batches(BATCH, order=Order(seed=task.seed, epoch=0)), BATCHES):
        yield from zip(*(part.to(device).split(size) for part in batch), strict=True)


def _add_gradients(network: nn.Module, task: Task) -> None:
    """Add the gradients of the mini-batches' losses to ``.grad``."""
    for images, labels in _batches(task, BATCH):
        functional.cross_entropy(network(images), labels).backward()


def _mean_squared_gradients(network: nn.Module, task: Task) -> None:
    """Set ``.grad`` to the mean over images of the squared gradient of each one's loss.

    torch-pruning 1.6's own ``accumulate_grad`` keeps the last image alone. Its importance reads ``.grad`` where
    that was not called.
    """
    squares = [torch.zeros_like(parameter) for parameter in network.parameters()]
    seen = 0
    for image, label in _batches(task, 1):
        network.zero_grad(set_to_none=False)
        functional.cross_entropy(network(image), label).backward()
        for square, parameter in zip(squares, network.parameters(), strict=True):
            square.addcmul_(parameter.grad, parameter.grad)  # type: ignore[arg-type]
        seen += 1
    for square, parameter in zip(squares, network.parameters(), strict=True):
        parameter.grad = square / seen
