"""One-cycle structured pruning (Ghimire et al., WACV 2026): push out what will be cut, and cut once that is stable.

Axes: U units, G groups, C channels of a layer.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.masks import kept_entries
from compress.channels.units import UnitMap
from compress.controls.scores import log_keys
from compress.controls.weights import filters, input_filters
from compress.data.bundle import Split
from compress.training.weights import WeightSettings, WeightTraining

PUSH = 5.0
"""The weights of a unit outside of the sub-network shrink by exp(-PUSH) over the window, if no gradient holds them."""

STABLE, COMPARED = 0.99, 3
"""Stable: the mean similarity of so many pairs of consecutive sub-networks is at least this."""


class OneCycleTraining(WeightTraining):
    """Trains the whole network; the weights of units outside of the sub-network decay, more in every step.

    The sub-network is chosen anew after every epoch: the units of highest saliency within the budget.
    """

    def __init__(self, network: nn.Module, val: Split, settings: WeightSettings, prunable: Prunable) -> None:
        super().__init__(network, val, settings)
        self._prunable = prunable
        self._total_steps = settings.epochs.count * settings.steps_per_epoch
        self._steps_done = 0
        self._similarities: list[float] = []
        self.keep_U = torch.empty(0, dtype=torch.bool)
        self._use(self._sub_network())

    def keys(self) -> Tensor:
        """The priority of every unit by the weights of now, float U."""
        return log_keys(saliency(self._network, self._prunable.units))

    def _sub_network(self) -> Tensor:
        return self._prunable.repair(self.keys().unsqueeze(0))[0]

    def _use(self, keep_U: Tensor) -> None:
        """Take a sub-network, bool U, for the coming epoch."""
        self.keep_U = keep_U
        entries = kept_entries(self._network, self._prunable.units, keep_U)
        self._kept = [
            (parameter, entries[name].to(parameter.dtype))
            for name, parameter in self._network.named_parameters()
            if name in entries and name.endswith("weight") and parameter.requires_grad
        ]

    def step(self, images: Tensor, labels: Tensor, places: Tensor | None = None) -> dict[str, float]:
        """One step on a batch (B, C, H, W) with labels (B,), ``places`` in the training split; then the decay."""
        values = super().step(images, labels, places)
        self._steps_done += 1
        factor = math.exp(-2 * PUSH * self._steps_done / self._total_steps**2)
        with torch.no_grad():
            for parameter, kept in self._kept:
                parameter.mul_(kept + factor * (1 - kept))
        return values

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Validation of the whole network; the similarity of the new sub-network to the last."""
        values = super().end_epoch(epoch)
        found_U = self._sub_network()
        self._similarities.append(similarity(self.keep_U, found_U, self._prunable.units))
        self._use(found_U)
        return {**values, "similarity": self._similarities[-1]}

    def finished(self) -> bool:
        """Whether the sub-network is stable."""
        last = self._similarities[-COMPARED:]
        return len(last) == COMPARED and sum(last) / COMPARED >= STABLE

    def state_dict(self) -> dict[str, Any]:
        """State of the weights, the optimizer and the sub-network."""
        own = {"keep": self.keep_U, "steps_done": self._steps_done, "similarities": [*self._similarities]}
        return super().state_dict() | own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state)
        self._steps_done, self._similarities = state["steps_done"], list(state["similarities"])
        self._use(state["keep"])


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
