"""Dropped units do not train: what an optimizer does to their weights (momentum, decay) is undone."""

import torch
from torch import Tensor, nn

from compress.channels.masks import kept_entries
from compress.channels.units import UnitMap


class DroppedWeights:
    """The weights of the units that a state (bool U) drops: ``save`` before the optimizer's step, ``restore`` after it.

    Saving copies every parameter that belongs to a unit once.
    """

    def __init__(self, network: nn.Module, units: UnitMap, state_U: Tensor) -> None:
        parameters = dict(network.named_parameters())
        kept = {} if state_U.all() else kept_entries(network, units, state_U)
        self._kept = [(parameters[name], entries) for name, entries in kept.items() if name in parameters]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that units carry."""
        return [parameter for parameter, _kept in self._kept]

    def save(self) -> list[Tensor]:
        """A copy of the weights as they are."""
        return [parameter.detach().clone() for parameter, _kept in self._kept]

    @torch.no_grad()
    def restore(self, saved: list[Tensor]) -> None:
        """Put the weights of dropped units back."""
        for (parameter, kept), before in zip(self._kept, saved, strict=True):
            parameter.copy_(torch.where(kept, parameter, before))
