"""Prunable units: one unit is one channel of a coupled group, so every state can be cut out of the network.

Axes: U units, G groups, C channels of a layer, P states.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from compress.channels.reasons import nothing_to_prune
from compress.tracing.batch_rounds import count_rounds
from compress.tracing.trace import FEEDS_OUTPUT, Trace, trace

NOT_ALONE = "its channels cannot go one by one"


@dataclass(frozen=True)
class UnitGroup:
    """Units ``first`` .. ``first + size - 1`` of a state: channels of the same layers that can be dropped one by one.

    A unit includes all channels that a residual add, a concat or a flatten ties to it: for all units of a
    group the same number of channels of the same layers. A unit has ``tied`` channels of the root layer:
    more than one if a grouped convolution or a channel shuffle needs the same positions kept in
    each of its groups. ``order[c]`` is the unit of root channel c, counted within the group; it is empty
    if that is ``c % size``.
    """

    root: str
    first: int
    size: int
    tied: int = 1
    order: tuple[int, ...] = ()

    @property
    def units(self) -> slice:
        """The units of this group in a state."""
        return slice(self.first, self.first + self.size)

    @property
    def unit_of_channel(self) -> Tensor:
        """The unit, counted within the group, of every channel of the root: int64 C."""
        return torch.tensor(self.order) if self.order else torch.arange(self.size * self.tied) % self.size

    def channels(self, units: Tensor) -> list[int]:
        """Root channels of units given by their index within the group, in ascending order."""
        return torch.isin(self.unit_of_channel, units.cpu()).nonzero().flatten().tolist()


@dataclass(frozen=True)
class UnitMap:
    """All groups of one network, and the units that each layer reads and carries.

    ``reads[layer]`` and ``carries[layer]`` give, for every input (output) channel of a layer, the
    unit it belongs to, or U ("always kept"): int64 C. ``not_pruned`` maps a root layer that cannot
    be pruned to the reason. ``rounds``: see ``count_rounds``.
    """

    groups: tuple[UnitGroup, ...]
    reads: Mapping[str, Tensor]
    carries: Mapping[str, Tensor]
    not_pruned: Mapping[str, str] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """U, the length of a state."""
        return sum(group.size for group in self.groups)

    @property
    def not_pruned_before_head(self) -> Mapping[str, str]:
        """``not_pruned`` without the class head, which is never pruned."""
        return {root: reason for root, reason in self.not_pruned.items() if reason != FEEDS_OUTPUT}

    @property
    def group_of_unit(self) -> Tensor:
        """The group index of every unit: int64 U."""
        sizes = torch.tensor([group.size for group in self.groups])
        return torch.repeat_interleave(torch.arange(len(self.groups)), sizes)

    def counts(self, keep_PU: Tensor) -> Tensor:
        """Kept units per group: int64 (P, G) from states (P, U)."""
        counts = torch.zeros(len(keep_PU), len(self.groups), dtype=torch.int64)
        return counts.index_add_(1, self.group_of_unit, keep_PU.to(dtype=torch.int64, device="cpu"))

    def without(self, not_pruned: Mapping[str, str]) -> "UnitMap":
        """The same units without some groups.

        Args:
            not_pruned: roots of the groups that are not pruned -> why.
        """
        kept = [(group, np.arange(self.total)[group.units]) for group in self.groups if group.root not in not_pruned]
        reads, carries = (
            {name: units.numpy() for name, units in places.items()} for places in (self.reads, self.carries)
        )
        return replace(_number(kept, reads, carries, {**self.not_pruned, **not_pruned}), rounds=self.rounds)


def find_units(network: nn.Module, example: Tensor) -> UnitMap:
    """Group a network's channels into units; channels that feed its output are not pruned.

    Args:
        network: any classifier; not changed.
        example: a batch of images (B, C, H, W) it accepts.

    Raises:
        UsageError: the network does not run on the images, is not a classifier, or has no group that can be pruned.
    """
    traced = trace(network, example)
    order = {name: place for place, (name, _) in enumerate(network.named_modules())}
    sets = _alike(traced)
    not_pruned = {name: reason for name, reason in traced.not_cut.items() if name in order}
    groups: list[tuple[UnitGroup, np.ndarray]] = []
    for set_ids in sets:
        root, refusal = _judge(traced, set_ids, order)
        if refusal:
            not_pruned.setdefault(root, refusal)
        else:
            groups.append(_group(traced, root, set_ids))
    if not groups:
        raise nothing_to_prune(not_pruned)
    groups.sort(key=lambda pair: order[pair[0].root])
    units = _number(
        groups, traced.reads, traced.carries, dict(sorted(not_pruned.items(), key=lambda item: order[item[0]]))
    )
    return replace(units, rounds=count_rounds(network, example, units.reads))


def _alike(traced: Trace) -> list[np.ndarray]:
    """Sets of channels of which each takes along the same number of channels of the same layers: a group each."""
    bonds: dict[int, list[tuple[str, bool, int]]] = {}
    for reads, places in ((False, traced.carries), (True, traced.reads)):
        for name, labels in places.items():
            for set_id, count in zip(*np.unique(labels, return_counts=True), strict=True):
                bonds.setdefault(int(set_id), []).append((name, reads, int(count)))
    bonds.pop(0, None)
    sets: dict[tuple[tuple[str, bool, int], ...], list[int]] = {}
    for set_id in sorted(bonds):
        sets.setdefault(tuple(bonds[set_id]), []).append(set_id)
    return [np.array(set_ids) for set_ids in sets.values()]


def _judge(traced: Trace, set_ids: np.ndarray, order: Mapping[str, int]) -> tuple[str, str]:
    """The first layer, in the order of definition, that makes these channels; and why they are not pruned, or ""."""
    makers = [name for name in traced.makers if np.isin(traced.carries[name], set_ids).any()]
    first = min(makers, key=lambda name: order[name])
    for set_id in set_ids:
        if int(set_id) in traced.reasons:
            return first, traced.reasons[int(set_id)]
    if not any(np.isin(labels, set_ids).any() for labels in traced.reads.values()):
        return first, "nothing reads it"
    if len(set_ids) == 1:
        return first, NOT_ALONE
    whole = [name for name in makers if np.isin(traced.carries[name], set_ids).all()]
    if not whole:
        return first, "its channels go to different places"
    return min(whole, key=lambda name: order[name]), ""


def _group(traced: Trace, root: str, set_ids: np.ndarray) -> tuple[UnitGroup, np.ndarray]:
    """A group, its units in the order of the root's channels; without its place in a state yet."""
    channels = traced.carries[root]
    _, seen, unit = np.unique(channels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(seen))
    ordered = channels[np.sort(seen)]
    size, tied = len(set_ids), len(channels) // len(set_ids)
    unit_of_channel = rank[unit]
    plain = np.array_equal(unit_of_channel, np.arange(len(channels)) % size)
    return UnitGroup(root, 0, size, tied, () if plain else tuple(unit_of_channel.tolist())), ordered


def _number(
    groups: list[tuple[UnitGroup, np.ndarray]],
    reads: Mapping[str, np.ndarray],
    carries: Mapping[str, np.ndarray],
    not_pruned: Mapping[str, str],
) -> UnitMap:
    """Number the units of groups from 0 up; ``reads``, ``carries`` and the groups give them by other ids."""
    total = sum(group.size for group, _ in groups)
    highest = max((int(ids.max()) for ids in (*carries.values(), *reads.values())), default=0)
    unit_of_id = np.full(highest + 1, total)
    numbered, first = [], 0
    for group, ids in groups:
        numbered.append(replace(group, first=first))
        unit_of_id[ids] = np.arange(first, first + group.size)
        first += group.size

    def units_of(places: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        found = {name: torch.from_numpy(unit_of_id[ids]) for name, ids in places.items()}
        return {name: units for name, units in found.items() if (units < total).any()}

    return UnitMap(tuple(numbered), units_of(reads), units_of(carries), not_pruned)
