"""Units whose removal was tried: what differs when it is pruned stays whole, the rest is pruned all the same."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress.errors import CheckFailedError, UsageError
from compress.masks import masked, population_logits
from compress.structure.remove import logits_of, remove_units, tolerance_of
from compress.units import UnitGroup, UnitMap, find_units

IMAGES = 3
"""Images that groups are tried on."""

QUIET = 1e-3
"""A parameter that is nowhere larger hides what happens before it: a head or a residual branch that starts at zero."""

SHARE_OF_CHANGE = 1e-3
"""How far masked and smaller network may differ, as a share of what the cut changes in the logits."""

ROUNDING = 1e-5
"""The same as a share of the largest logit: float32 rounds, and some cuts change next to nothing."""


def sound_units(network: nn.Module, images: Tensor, *, seed: int) -> UnitMap:
    """Find a network's units, and leave whole those for which masked and smaller network differ.

    Half the units of every group are cut at random. Where the result is wrong, the groups are halved
    until those are found that are wrong by themselves.

    Args:
        network: any classifier; left as it was.
        images: real images (B, C, H, W); a few are enough.
        seed: of the states that are tried.

    Raises:
        UsageError: nothing in the network can be pruned.
    """
    trial = _Trial(network, images[:IMAGES], seed)
    units = find_units(network, images[:2])
    while True:
        guilty = trial.guilty(units, units.groups)
        if not guilty:
            return units
        units = units.without({group.root: reason for group, reason in guilty})
        if not units.groups:
            reasons = "; ".join(f"{root}: {reason}" for root, reason in units.left_whole.items())
            raise UsageError(f"nothing can be pruned in this network ({reasons})")


class _Trial:
    """Cuts groups of one network, and compares."""

    def __init__(self, network: nn.Module, images: Tensor, seed: int) -> None:
        self._network = _loud(network, images, seed)
        self._images = images
        self._seed = seed
        self._whole = logits_of(self._network, images)

    def guilty(self, units: UnitMap, groups: Sequence[UnitGroup]) -> list[tuple[UnitGroup, str]]:
        """Groups that are wrong when they are cut, and what happened."""
        wrong = self._wrong(units, groups)
        if not wrong:
            return []
        if len(groups) == 1:
            return [(groups[0], f"it cannot be cut alone: {wrong}")]
        half = len(groups) // 2
        found = self.guilty(units, groups[:half]) + self.guilty(units, groups[half:])
        # both halves are right by themselves: one of them goes with the other's cut
        return found or [(group, f"it cannot be cut together with others: {wrong}") for group in groups[half:]]

    def _wrong(self, units: UnitMap, groups: Sequence[UnitGroup]) -> str:
        """What is wrong when half of each of these groups goes; empty where nothing is."""
        states = torch.stack([self._half(units, groups, seed=self._seed + place) for place in range(2)])
        try:
            result = remove_units(self._network, units, states[0], self._images)
            self._check(
                result.max_abs_difference, logits_of(result.network, self._images), "masked and smaller network"
            )
            together = self._population(units, states)[1]
            with masked(self._network, units, states[1].to(self._images)):
                alone = logits_of(self._network, self._images)
            self._check(float((alone - together).abs().max()), alone, "a state by itself and among others")
        except CheckFailedError as error:
            return str(error)
        return ""

    def _check(self, difference: float, logits: Tensor, what: str) -> None:
        change = float((logits - self._whole).abs().max())
        allowed = max(SHARE_OF_CHANGE * change, ROUNDING * float(logits.abs().max()))
        if not difference <= min(allowed, tolerance_of(logits)):
            raise CheckFailedError(f"{what} differ by {difference:.0e} where the cut changes {change:.0e}")

    def _population(self, units: UnitMap, states: Tensor) -> Tensor:
        """A search asks for many states at once; each image then has to meet its own state."""
        try:
            return population_logits(self._network.eval(), units, states.to(self._images), self._images)
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            raise CheckFailedError(f"it does not take a state for every image ({error})") from error

    def _half(self, units: UnitMap, groups: Sequence[UnitGroup], *, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        keep_U = torch.ones(units.total, dtype=torch.bool)
        for group in groups:
            order = torch.randperm(group.size, generator=generator)
            keep_U[group.first + order[: max(1, group.size // 2)]] = False
        return keep_U


@torch.no_grad()
def _loud(network: nn.Module, images: Tensor, seed: int) -> nn.Module:
    """A copy in which every part of the network can be heard in the logits."""
    loud = copy.deepcopy(network).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in loud.parameters():
        if parameter.numel() and parameter.abs().max() < QUIET:
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return loud if logits_of(loud, images).isfinite().all() else copy.deepcopy(network).eval()
