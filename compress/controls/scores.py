"""Scores of units: filter norms, BatchNorm's factors, Taylor; and the keys that a budget's threshold compares.

torch-pruning's importances of the same names need groups of its own graph, and sum in float32.

Axes: U units, C output channels of a layer.
"""

from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.channels.masks import masked
from compress.channels.units import UnitMap
from compress.controls.weights import filters
from compress.data.bundle import Order, Split
from compress.errors import UsageError
from compress.tracing.forward_pass import evaluating
from compress.tracing.layers import BatchNorm, Convolution, is_depthwise

BATCHES = 100
"""Training mini-batches that Taylor's mean is taken over, at most one epoch."""


def filter_norms(network: nn.Module, units: UnitMap, *, order: int) -> Tensor:
    """Norms of the filters that make a unit (Li et al., ICLR 2017: ``sum |w|`` over a filter, ``order`` 1): float64 U.

    Norms of several filters tied to one unit are added. A depthwise filter makes no unit, it carries one on.
    """
    scores = torch.zeros(units.total + 1, dtype=torch.float64)
    for name, unit_of_channel in units.carries.items():
        layer = network.get_submodule(name)
        if isinstance(layer, Convolution | nn.Linear) and not is_depthwise(layer):
            norms_C = filters(layer).norm(p=order, dim=1).double().cpu()
            scores.index_add_(0, unit_of_channel, norms_C)
    return scores[:-1]


def norm_factors(network: nn.Module, units: UnitMap) -> Tensor:
    """The size of BatchNorm's factor (Liu et al., ICCV 2017: ``|gamma|``): float64 U, means where several carry a unit.

    UsageError if a group has no BatchNorm with a factor; the message names its layer.
    """
    sums, norms = (torch.zeros(units.total + 1, dtype=torch.float64) for _ in range(2))
    for name, unit_of_channel in units.carries.items():
        layer = network.get_submodule(name)
        if isinstance(layer, BatchNorm) and layer.affine:
            sums.index_add_(0, unit_of_channel, layer.weight.detach().abs().double().cpu())
            norms.index_add_(0, unit_of_channel, torch.ones(len(unit_of_channel), dtype=torch.float64))
    without = [group.root for group in units.groups if (norms[group.units] == 0).any()]
    if without:
        have = " and others have" if len(without) > 3 else " has" if len(without) == 1 else " have"
        raise UsageError(
            f"method bn-scale needs a BatchNorm after every layer it prunes; {', '.join(without[:3])}{have} none: "
            "try --method l1 or taylor"
        )
    return (sums / norms)[:-1]


def taylor_scores(network: nn.Module, units: UnitMap, train: Split, *, batch_size: int, seed: int) -> Tensor:
    """First-order Taylor importance (Molchanov et al., CVPR 2019), with the mask as the gate: float64 U.

    ``mean over mini-batches of (dL/ds_u)^2`` at the whole network, L the cross-entropy. To first order it is the
    squared change of the loss if unit u is dropped. The network runs in eval mode, so that dropout adds no noise
    and running statistics do not change; ``seed`` gives the order of the training images.
    """
    device = next(network.parameters()).device
    total_U, batches = torch.zeros(units.total, dtype=torch.float64), 0
    with evaluating(network):
        for images, labels in islice(train.batches(batch_size, order=Order(seed=seed, epoch=0)), BATCHES):
            keep = torch.ones(units.total, device=device, requires_grad=True)
            with masked(network, units, keep):
                loss = functional.cross_entropy(network(images.to(device)), labels.to(device))
                (gradient_U,) = torch.autograd.grad(loss, keep)
            total_U += gradient_U.double().cpu().square()
            batches += 1
    return total_U / batches


def share_keys(scores_U: Tensor, units: UnitMap) -> Tensor:
    """Keys for a common threshold that keeps the same share of every group: ranks within the group.

    A unit with a higher score is kept first; among equal scores the later unit. Returns keys in (0, 1], float U.
    """
    keys_U = torch.empty(units.total)
    for group in units.groups:
        ranks = scores_U[group.units].argsort(stable=True).argsort()
        keys_U[group.units] = (ranks + 1).to(keys_U.dtype) / group.size
    return keys_U


def log_keys(scores_U: Tensor) -> Tensor:
    """Keys for a common threshold that compares groups: logarithms of the scores, float U."""
    return torch.log(scores_U + 1e-30).float()
