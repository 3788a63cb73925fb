"""States of the trial cuts: different widths and equal ones, because a network's code may depend on its widths."""

import torch
from torch import Tensor, nn

from compress.channels.units import UnitMap
from compress.tracing.layers import Convolution, widths

LEVELS = 3
"""Maximum number of common widths."""


def trial_states(network: nn.Module, units: UnitMap, *, seed: int) -> list[Tensor]:
    """States (bool U): first one of different widths, then some of equal widths.

    Code such as ``if x.shape == y.shape`` acts when two widths become equal: those of two groups, or of a
    group and a layer that is not pruned. A common width is one of these; wider groups are cut to it.

    Args:
        network: the whole network.
        units: its units.
        seed: seed of the units that are dropped.
    """
    generator = torch.Generator().manual_seed(seed)
    different = [int(torch.randint(1 + group.size // 4, 2 + group.size // 2, (), generator=generator))
              for group in units.groups]  # fmt: skip
    states = [_state(units, different, generator)]
    for width in _common_widths(network, units):
        equal = [max(1, min(group.size, width // group.tied)) for group in units.groups]
        states.append(_state(units, equal, generator))
    return states


def _common_widths(network: nn.Module, units: UnitMap) -> list[int]:
    layers = dict(network.named_modules())
    whole = {widths(layer)[1] for root in units.not_pruned_before_head
             if isinstance(layer := layers.get(root), Convolution | nn.Linear)}  # fmt: skip
    pruned = {group.size * group.tied for group in units.groups}
    found = sorted(width for width in whole | pruned if 1 < width < max(pruned))
    if len(found) <= LEVELS:
        return found
    return [found[round(place * (len(found) - 1) / (LEVELS - 1))] for place in range(LEVELS)]


def _state(units: UnitMap, counts: list[int], generator: torch.Generator) -> Tensor:
    """A state that keeps the given number of units of each group, drawn at random."""
    keep_U = torch.zeros(units.total, dtype=torch.bool)
    for group, count in zip(units.groups, counts, strict=True):
        keep_U[group.first + torch.randperm(group.size, generator=generator)[:count]] = True
    return keep_U
