"""Units whose removal was tried: what differs when it is pruned stays whole, the rest is pruned all the same."""

import copy
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from compress.channels.masks import masked, population_logits
from compress.channels.reasons import nothing_to_prune
from compress.channels.units import UnitMap, find_units
from compress.errors import CheckFailedError
from compress.structure.compare_layers import Fault, compare_layers
from compress.structure.remove import check_trains, logits_of, running
from compress.structure.shrink import shrink
from compress.structure.trial_states import trial_states
from compress.structure.visible_weights import with_visible_weights

IMAGES = 3
"""Images that groups are tried on."""

LOUD_IMAGES = 4
"""Images on which the weights of the trial are chosen."""

TRIALS = 48
"""Trials that the search for those groups may take which are wrong; what is then still in question stays whole."""

ALONE = 1e-3
"""A state by itself and among others may differ by this share of the largest logit: they are batches of other sizes."""

Check = Callable[[UnitMap, Tensor], list[Fault]]


def find_checked_units(network: nn.Module, images: Tensor, *, seed: int) -> UnitMap:
    """Find a network's units, and leave whole those for which masked and smaller network differ.

    Every group is cut at random, in several states: to unlike counts, and to like ones. The smaller network is
    compared layer by layer, trained for a step, and asked for many states at once. Where that fails without
    telling for which units, the groups are halved until those are found that are wrong.

    Args:
        network: any classifier; left as it was.
        images: real images (B, C, H, W); a few are enough.
        seed: of the states that are tried.

    Raises:
        UsageError: nothing in the network can be pruned, or its output hardly depends on the image.
    """
    units = find_units(network, images[:2])
    with torch.compiler.set_stance("force_eager"):  # every trial would be compiled anew
        trial = _Trial(with_visible_weights(network, images[:LOUD_IMAGES], seed=seed), images[:IMAGES], seed)
        while guilty := trial.guilty(units):
            units = units.without(guilty)
            if not units.groups:
                raise nothing_to_prune(units.not_pruned)
    return units


class _Trial:
    """Cuts groups of one network, and compares."""

    def __init__(self, network: nn.Module, images: Tensor, seed: int) -> None:
        self._network = network
        self._images = images
        self._seed = seed
        self._left = TRIALS

    def guilty(self, units: UnitMap) -> Mapping[str, str]:
        """Roots of groups that are wrong when they are cut -> what happened; empty where nothing did."""
        states = trial_states(self._network, units, seed=self._seed)
        checks: list[tuple[Check, Tensor]] = [(self._layers, state) for state in states]
        for check, state in [*checks, (self._training, states[0]), (self._population, states[0])]:
            faults = self._faults(check, units, state)
            if faults:
                found = self._named(check, units, state, faults) or self._searched(check, units, state, faults)
                return {root: f"it cannot be cut: {reason}" for root, reason in found.items()}
        return {}

    def _named(self, check: Check, units: UnitMap, state: Tensor, faults: Sequence[Fault]) -> Mapping[str, str]:
        """Those groups that the faults name, where they are wrong without the others, too."""
        named = _by_root(units, faults)
        if not named:
            return {}
        again = self._faults(check, units, _cut_only(units, state, named))
        return {root: reason for root, reason in _by_root(units, again).items() if root in named}

    def _searched(self, check: Check, units: UnitMap, state: Tensor, faults: Sequence[Fault]) -> Mapping[str, str]:
        """Where faults name no group: halves, quarters, ... are cut along with those groups that were right so far."""
        right: list[str] = []
        guilty: dict[str, str] = {}
        in_question = deque(_halves([group.root for group in units.groups]))
        while in_question:
            roots = in_question.popleft()
            if not self._left:
                guilty |= dict.fromkeys(roots, f"{faults[0].reason} (or that of others: too many cannot be cut)")
                continue
            self._left -= 1
            faults_now = self._faults(check, units, _cut_only(units, state, [*right, *roots]))
            if not faults_now:
                right += roots
            elif len(roots) == 1:
                guilty[roots[0]] = faults_now[0].reason
            else:
                in_question.extend(_halves(roots))
        return guilty or {group.root: faults[0].reason for group in units.groups}  # it fails only now and then

    def _faults(self, check: Check, units: UnitMap, state: Tensor) -> list[Fault]:
        try:
            return check(units, state)
        except CheckFailedError as error:
            return [Fault(str(error))]

    def _layers(self, units: UnitMap, state: Tensor) -> list[Fault]:
        return compare_layers(self._network, self._smaller(units, state), units, state, self._images)

    def _training(self, units: UnitMap, state: Tensor) -> list[Fault]:
        check_trains(self._smaller(units, state), self._images)
        self._network.zero_grad()
        return []

    def _population(self, units: UnitMap, state: Tensor) -> list[Fault]:
        """A search asks for many states at once; each image then has to meet its own state."""
        other = torch.cat([state[group.units].roll(1) for group in units.groups])
        with running("it does not take a state for every image"):
            states = torch.stack([other, state]).to(self._images)
            together = population_logits(self._network, units, states, self._images)[1]
        with masked(self._network, units, state.to(self._images)):
            alone = logits_of(self._network, self._images)
        difference, largest = float((alone - together).abs().max()), float(alone.abs().max())
        if difference <= ALONE * largest:
            return []
        return [Fault(f"a state by itself and among others differ by {difference:.0e} in logits up to {largest:.0e}")]

    def _smaller(self, units: UnitMap, state: Tensor) -> nn.Module:
        """The cut network; what it keeps whole it shares with the whole one, buffers apart."""
        smaller = copy.deepcopy(self._network, {id(parameter): parameter for parameter in self._network.parameters()})
        shrink(smaller, units, state)
        return smaller


def _by_root(units: UnitMap, faults: Sequence[Fault]) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in units.groups:
        for fault in faults:
            if any(group.first <= unit < group.first + group.size for unit in fault.units):
                found.setdefault(group.root, fault.reason)
    return found


def _cut_only(units: UnitMap, state: Tensor, roots: Collection[str]) -> Tensor:
    """A state that cuts no other groups."""
    only = torch.ones_like(state)
    for group in units.groups:
        if group.root in roots:
            only[group.units] = state[group.units]
    return only


def _halves(roots: Sequence[str]) -> list[Sequence[str]]:
    half = len(roots) // 2
    return [part for part in (roots[:half], roots[half:]) if part]
