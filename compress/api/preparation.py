"""Settings of a ``Pruner``, checked; the units and the budget that follow from them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from compress.api.keywords import naming_keywords
from compress.channels.budget import Budget, Prunable
from compress.controls.methods import ALLOCATIONS, guided_population
from compress.edropout.guided import GuidedPopulation
from compress.environment import native_block
from compress.errors import UsageError
from compress.settings.config import KEEP_MACS
from compress.settings.search import SearchSettings
from compress.structure.trial_cuts import find_checked_units

SearchMethod = Literal["edropout", "saliency"]


@dataclass(frozen=True)
class PrunerSettings:
    """The settings of a search, as ``Pruner`` describes them; UsageError if one is out of range."""

    steps: int
    keep_macs: float | None
    keep_params: float | None
    population: int
    align: int | Literal["auto"]
    method: SearchMethod
    seed: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"expected at least one step, got steps={self.steps}")
        if self.population < 4:
            raise UsageError(f"expected a population of 4 states or more, got {self.population}")
        if self.method not in ALLOCATIONS:
            raise UsageError(f"expected method 'edropout' or 'saliency', got {self.method!r}")
        if self.align != "auto" and self.align < 1:
            raise UsageError(f"expected align='auto' or a number of channels from 1, got {self.align!r}")
        for name, share in (("keep_macs", self.keep_macs), ("keep_params", self.keep_params)):
            if share is not None and not 0 < share < 1:
                raise UsageError(f"expected {name} between 0 and 1 (0.5 keeps half), got {share}")

    def begin(self, prunable: Prunable, search: SearchSettings) -> GuidedPopulation:
        """The population at the start of the search."""
        generator = torch.Generator().manual_seed(self.seed)
        return guided_population(self.method, prunable, search, population=self.population, generator=generator)

    @naming_keywords()
    def prunable(self, network: nn.Module, example: Tensor) -> Prunable:
        """The units of a network within the budget; UsageError if there are none, or the budget is out of reach."""
        macs = KEEP_MACS if self.keep_macs is self.keep_params is None else self.keep_macs
        prunable = Prunable.measure(
            network,
            find_checked_units(network, example, seed=self.seed),
            example,
            align=native_block() if self.align == "auto" else self.align,
            budget=Budget(macs, self.keep_params),
            finer=self.align == "auto",
        )
        prunable.check_reachable()
        return prunable
