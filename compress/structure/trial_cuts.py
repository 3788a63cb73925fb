"""Trial cuts: groups whose removal changes the output are not pruned."""

import copy
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.channels.masks import masked, population_logits
from compress.channels.units import UnitMap, find_units, nothing_to_prune
from compress.errors import CheckFailedError
from compress.structure.compare_layers import Fault, compare_layers, suspects
from compress.structure.remove import check_trains, logits_of
from compress.structure.shrink import shrink
from compress.structure.visible_weights import with_visible_weights
from compress.tracing.forward_pass import running, watching_inputs
from compress.tracing.layers import Convolution, Cuttable, widths

IMAGES, WEIGHT_IMAGES = 3, 4
"""Number of images in a trial cut, and of those for which the weights of the trial network are chosen."""

TRIALS = 48
"""Maximum number of trial cuts in a search by halves; groups that are then undecided are not pruned."""

SUSPECTS = 4
"""Maximum number of groups near an error that are tried by themselves."""

COMMON_WIDTHS = 3
"""Maximum number of trial states with equal widths."""

POPULATION_TOLERANCE = 1e-3
"""Largest difference of logits alone and in a population, as a share of the largest: float32 rounds differently."""

Check = Callable[[UnitMap, Tensor], list[Fault]]


def find_checked_units(network: nn.Module, images: Tensor, *, seed: int) -> UnitMap:
    """Find the units of any classifier, without the groups for which masked and smaller network differ.

    Every group is cut at random, in several states: to different widths, so that every unit is dropped once, and to
    equal ones. The smaller network is compared layer by layer and trained for a step; the masked network is also run
    with several states in one batch. Groups that a check names, or that the layers before an error carry, are tried by
    themselves; a search by halves finds the groups that cause any other fault. A few real images (B, C, H, W) are
    enough. UsageError if nothing can be pruned, or the output hardly depends on the image.
    """
    units = find_units(network, images[:2])
    with torch.compiler.set_stance("force_eager"):  # otherwise torch.compile compiles every trial
        trial = _Trial(with_visible_weights(network, images[:WEIGHT_IMAGES], seed=seed), images[:IMAGES], seed)
        while failed := trial.failed(units):
            units = units.without(failed)
            if not units.groups:
                raise nothing_to_prune(units.not_pruned)
    return units


def trial_states(network: nn.Module, units: UnitMap, *, seed: int) -> list[Tensor]:
    """States (bool U) drawn at random: one of different widths and its opposite, then some of equal widths.

    Code such as ``if x.shape == y.shape`` acts when two widths become equal, of groups or layers that are not pruned.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(counts: list[int]) -> Tensor:
        keep_U = torch.zeros(units.total, dtype=torch.bool)
        for group, count in zip(units.groups, counts, strict=True):
            keep_U[group.first + torch.randperm(group.size, generator=generator)[:count]] = True
        return keep_U

    sizes = [group.size for group in units.groups]
    high = [min(size, 2 + size // 2) for size in sizes]  # of two units one is cut
    different = [
        int(torch.randint(1 + size // 4, most, (), generator=generator)) for size, most in zip(sizes, high, strict=True)
    ]
    common = _common_widths(network, units)
    equal = [[max(1, min(group.size, width // group.tied)) for group in units.groups] for width in common]
    first, *others = [draw(counts) for counts in (different, *equal)]
    return [first, ~first, *others]


def _common_widths(network: nn.Module, units: UnitMap) -> list[int]:
    layers = dict(network.named_modules())
    whole = {widths(layer)[1] for root in units.not_pruned_before_head
             if isinstance(layer := layers.get(root), Convolution | nn.Linear)}  # fmt: skip
    pruned = {group.width for group in units.groups}
    found = sorted(width for width in whole | pruned if 1 < width < max(pruned))
    if len(found) <= COMMON_WIDTHS:
        return found
    return [found[round(place * (len(found) - 1) / (COMMON_WIDTHS - 1))] for place in range(COMMON_WIDTHS)]


@dataclass
class _Trial:
    """Cuts groups of one network and checks the result; ``left`` trials are left for searches by halves."""

    network: nn.Module
    images: Tensor
    seed: int
    left: int = TRIALS

    def failed(self, units: UnitMap) -> Mapping[str, str]:
        """Root of each group that fails a check when it is cut -> reason; empty if all pass."""
        states = trial_states(self.network, units, seed=self.seed)
        first = states[0]
        for check, state in (*((self._layers, s) for s in states), (self._training, first), (self._population, first)):
            faults = self._faults(check, units, state)
            if faults:
                found = (
                    self._named(check, units, state, faults)
                    or self._suspected(check, units, state, faults)
                    or self._searched(check, units, state, faults)
                )
                return {root: f"it cannot be cut: {reason}" for root, reason in found.items()}
        return {}

    def _named(self, check: Check, units: UnitMap, state: Tensor, faults: Sequence[Fault]) -> Mapping[str, str]:
        """The groups that the faults name, if they also fail when only they are cut."""
        named = _by_root(units, faults)
        again = self._faults(check, units, _cut_only(units, state, named)) if named else []
        return {root: reason for root, reason in _by_root(units, again).items() if root in named}

    def _suspected(self, check: Check, units: UnitMap, state: Tensor, faults: Sequence[Fault]) -> Mapping[str, str]:
        """The first of the suspected groups that fails when only it is cut."""
        group_of_unit = units.group_of_unit
        suspects = [units.groups[group_of_unit[unit]].root for fault in faults for unit in fault.suspects]
        for root in list(dict.fromkeys(suspects))[:SUSPECTS]:
            alone = self._faults(check, units, _cut_only(units, state, [root]))
            if alone:
                return {root: alone[0].reason}
        return {}

    def _searched(self, check: Check, units: UnitMap, state: Tensor, faults: Sequence[Fault]) -> Mapping[str, str]:
        """Search by halves, for faults that name no group; groups that passed so far are cut along."""
        passed: list[str] = []
        failed: dict[str, str] = {}
        undecided = deque(_halves([group.root for group in units.groups]))
        while undecided:
            roots = undecided.popleft()
            if not self.left:
                failed |= dict.fromkeys(roots, f"{faults[0].reason} (or another group: too many cannot be cut)")
                continue
            self.left -= 1
            faults_now = self._faults(check, units, _cut_only(units, state, [*passed, *roots]))
            if not faults_now:
                passed += roots
            elif len(roots) == 1:
                failed[roots[0]] = faults_now[0].reason
            else:
                undecided.extend(_halves(roots))
        return failed or {group.root: faults[0].reason for group in units.groups}  # it does not fail every time

    def _faults(self, check: Check, units: UnitMap, state: Tensor) -> list[Fault]:
        try:
            return check(units, state)
        except CheckFailedError as error:
            return [Fault(str(error))]

    def _layers(self, units: UnitMap, state: Tensor) -> list[Fault]:
        return compare_layers(self.network, self._smaller(units, state), units, state, self.images)

    def _training(self, units: UnitMap, state: Tensor) -> list[Fault]:
        called: list[str] = []
        smaller = self._smaller(units, state)
        layers = [name for name, layer in smaller.named_modules() if isinstance(layer, Cuttable)]
        watches = {name: lambda _layer, _features, name=name: called.append(name) for name in layers}
        try:
            with watching_inputs(smaller, watches):
                check_trains(smaller, self.images)
        except CheckFailedError as error:
            return [Fault(str(error), suspects=suspects(units, called))]
        self.network.zero_grad()
        return []

    def _population(self, units: UnitMap, state: Tensor) -> list[Fault]:
        """Run two states in one batch, as the search does: every image has to be masked by its own state."""
        other = torch.cat([state[group.units].roll(1) for group in units.groups])
        states = torch.stack([other, state]).to(self.images)
        with running("the network does not run with a state for every image"):
            together = population_logits(self.network, units, states, self.images)[1]
        with masked(self.network, units, state.to(self.images)):
            alone = logits_of(self.network, self.images)
        difference, largest = float((alone - together).abs().max()), float(alone.abs().max())
        if difference <= POPULATION_TOLERANCE * largest:
            return []
        return [Fault(f"a state alone and in a population differ by {difference:.0e} in logits up to {largest:.0e}")]

    def _smaller(self, units: UnitMap, state: Tensor) -> nn.Module:
        """The cut network; parameters that are not cut are shared with the whole network."""
        smaller = copy.deepcopy(self.network, {id(parameter): parameter for parameter in self.network.parameters()})
        shrink(smaller, units, state)
        return smaller


def _by_root(units: UnitMap, faults: Sequence[Fault]) -> dict[str, str]:
    """Root of each group with faulty units -> the first fault's reason."""
    reasons: dict[str, str] = {}
    for group in units.groups:
        for fault in faults:
            if any(group.first <= unit < group.first + group.size for unit in fault.units):
                reasons.setdefault(group.root, fault.reason)
    return reasons


def _cut_only(units: UnitMap, state: Tensor, roots: Collection[str]) -> Tensor:
    """The state in which only these groups are cut."""
    only = torch.ones_like(state)
    for group in units.groups:
        if group.root in roots:
            only[group.units] = state[group.units]
    return only


def _halves(roots: Sequence[str]) -> list[Sequence[str]]:
    half = len(roots) // 2
    return [part for part in (roots[:half], roots[half:]) if part]
