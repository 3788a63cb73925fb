"""Scores of units from the weights alone: filter norms, BatchNorm's factors.

torch-pruning's importances of the same names need groups of its own graph, and sum in float32.

Axes: U units, C output channels of a layer.
"""

import torch
from torch import Tensor, nn

from compress.channels.units import UnitMap
from compress.errors import UsageError
from compress.tracing.layers import Convolution, is_depthwise, is_transposed


def filter_norms(network: nn.Module, units: UnitMap, *, order: int) -> Tensor:
    """Norms of the filters that make a unit (Li et al., ICLR 2017: ``sum |w|`` over a filter, ``order`` 1).

    Where a residual add or a concat ties several filters to one unit, their norms are added. A depthwise
    filter makes no unit, it carries one on.

    Args:
        network: the network the units were found in.
        units: its units.
        order: 1 or 2.

    Returns:
        Scores, float64 U.
    """
    scores = torch.zeros(units.total + 1, dtype=torch.float64)
    for name, unit_of_channel in units.carries.items():
        layer = network.get_submodule(name)
        if isinstance(layer, Convolution | nn.Linear) and not is_depthwise(layer):
            norms_C = _filters(layer).norm(p=order, dim=1).double().cpu()
            scores.index_add_(0, unit_of_channel, norms_C)
    return scores[:-1]


def norm_factors(network: nn.Module, units: UnitMap) -> Tensor:
    """The size of BatchNorm's factor (Liu et al., ICCV 2017: ``|gamma|``), the mean where several carry a unit.

    Returns:
        Scores, float64 U.

    Raises:
        UsageError: a group has no BatchNorm with a factor; the message names its layer.
    """
    sums = torch.zeros(units.total + 1, dtype=torch.float64)
    norms = torch.zeros(units.total + 1, dtype=torch.float64)
    for name, unit_of_channel in units.carries.items():
        layer = network.get_submodule(name)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.affine:
            sums.index_add_(0, unit_of_channel, layer.weight.detach().abs().double().cpu())
            norms.index_add_(0, unit_of_channel, torch.ones(len(unit_of_channel), dtype=torch.float64))
    without = [group.root for group in units.groups if (norms[group.units] == 0).any()]
    if without:
        raise UsageError(
            f"method bn-scale needs a BatchNorm after every layer it prunes; {', '.join(without[:3])}"
            f"{' and others have' if len(without) > 3 else ' has' if len(without) == 1 else ' have'} none: "
            "try --method l1 or taylor"
        )
    return (sums / norms)[:-1]


def share_keys(scores_U: Tensor, units: UnitMap) -> Tensor:
    """Keys for a common threshold that keeps the same share of every group: ranks within the group.

    Args:
        scores_U: the a unit with a higher score is kept first; among equal scores the later unit.
        units: the units.

    Returns:
        Keys in (0, 1], float U.
    """
    keys_U = torch.empty(units.total)
    for group in units.groups:
        order = scores_U[group.units].argsort(stable=True)
        ranks = torch.empty(group.size)
        ranks[order] = torch.arange(1, group.size + 1, dtype=ranks.dtype)
        keys_U[group.units] = ranks / group.size
    return keys_U


def log_keys(scores_U: Tensor) -> Tensor:
    """Keys for a common threshold that compares groups: logarithms of the scores, float U."""
    return torch.log(scores_U + 1e-30).float()


def _filters(layer: nn.Module) -> Tensor:
    """A layer's weights, one row for each output channel."""
    weight: Tensor = layer.weight.detach()  # type: ignore[operator]
    if not is_transposed(layer):
        return weight.flatten(1)
    grouped = weight.reshape(getattr(layer, "groups", 1), -1, *weight.shape[1:])
    return grouped.transpose(1, 2).flatten(0, 1).flatten(1)
