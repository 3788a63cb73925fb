"""One-cycle structured pruning (Ghimire et al., WACV 2026): push out what will be cut, and cut once that is stable.

Axes: U units, G groups, C channels of a layer.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.units import UnitMap
from compress.controls.scores import log_keys
from compress.controls.weights import filters, input_filters
from compress.data.bundle import Split
from compress.edropout.push import PushTraining
from compress.training.weights import WeightSettings

PUSH = 5.0
"""The weights of a unit outside of the sub-network shrink by exp(-PUSH) over the window, if no gradient holds them."""

STABLE, COMPARED = 0.99, 3
"""Stable: the mean similarity of so many pairs of consecutive sub-networks is at least this."""


class OneCycleTraining(PushTraining):
    """Pushes the units outside of the sub-network out.

    The sub-network is chosen anew after every epoch: the units of highest saliency within the budget.
    """

    def __init__(self, network: nn.Module, val: Split, settings: WeightSettings, prunable: Prunable) -> None:
        self._prunable = prunable
        self._similarities: list[float] = []
        keep_U = self._sub_network(network)
        super().__init__(network, val, settings, units=prunable.units, keep_U=keep_U, strength=PUSH)

    def keys(self) -> Tensor:
        """The priority of every unit by the weights of now, float U."""
        return _keys(self._network, self._prunable.units)

    def _sub_network(self, network: nn.Module) -> Tensor:
        return self._prunable.repair(_keys(network, self._prunable.units).unsqueeze(0))[0]

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Validation of the whole network; the similarity of the new sub-network to the last."""
        values = super().end_epoch(epoch)
        found_U = self._sub_network(self._network)
        self._similarities.append(similarity(self.keep_U, found_U, self._prunable.units))
        self.use(found_U)
        return {**values, "similarity": self._similarities[-1]}

    def finished(self) -> bool:
        """Whether the sub-network is stable."""
        last = self._similarities[-COMPARED:]
        return len(last) == COMPARED and sum(last) / COMPARED >= STABLE

    def state_dict(self) -> dict[str, Any]:
        """State of the weights, the optimizer and the sub-network."""
        return super().state_dict() | {"similarities": [*self._similarities]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state)
        self._similarities = state["similarities"]


def _keys(network: nn.Module, units: UnitMap) -> Tensor:
    return log_keys(saliency(network, units))


@torch.no_grad()
def saliency(network: nn.Module, units: UnitMap) -> Tensor:
    """The l2 norm of all weights that a cut of the unit removes, over the mean norm of its group: float64 U."""
    squares_U = torch.zeros(units.total + 1, dtype=torch.float64)
    for side, rows_of in ((units.carries, filters), (units.reads, input_filters)):
        for name, unit_of_channel in side.items():
            layer = network.get_submodule(name)
            if isinstance(getattr(layer, "weight", None), Tensor):
                squares_C = rows_of(layer).double().square().sum(1).cpu()
                squares_U.index_add_(0, unit_of_channel, squares_C)
    norms_U = squares_U[:-1].sqrt()
    return norms_U / _group_means(norms_U, units).clamp(min=1e-30)[units.group_of_unit]


def _group_means(values_U: Tensor, units: UnitMap) -> Tensor:
    return (
        torch.zeros(len(units.groups), dtype=values_U.dtype).index_add_(0, units.group_of_unit, values_U) / units.sizes
    )


def similarity(one_U: Tensor, other_U: Tensor, units: UnitMap) -> float:
    """Jaccard similarity of the units that two sub-networks (bool U) keep, the mean over the groups."""
    both_G, either_G = units.counts(torch.stack([one_U & other_U, one_U | other_U]))
    return float((both_G / either_G).mean())
