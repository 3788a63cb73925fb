"""Prunable units: one unit is one channel of a coupled group, so every state can be cut out of the network.

Axes: U units, G groups, C channels of a layer, P states.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.tracing.batch_rounds import count_rounds
from compress.tracing.channel_sets import Labels
from compress.tracing.trace import FEEDS_OUTPUT, Trace, trace

MOST_REASONS = 4
"""Reasons that one message gives, at most."""


@dataclass(frozen=True)
class UnitGroup:
    """Units ``first`` .. ``first + size - 1`` of a state: channels of the same layers that can be dropped one by one.

    A unit includes all channels that a residual add, a concat or a flatten ties to it: the same number in the same
    layers for all units of a group. It has ``tied`` channels of the root layer: more than one if a grouped convolution
    or a shuffle needs the same positions in each of its groups. Where a layer's channels go to different places, it is
    the root of several groups: ``layer[4:9]`` has its channels 4 to 8, or some of these. ``order[c]`` is the unit,
    counted within the group, of the group's channel c in the root; it is empty if that is ``c % size``.
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
    def width(self) -> int:
        """Channels of the root layer in this group."""
        return self.size * self.tied

    @property
    def layer(self) -> str:
        """The name of the root layer."""
        return re.sub(r"\[\d+:\d+\]$", "", self.root)

    @property
    def unit_of_channel(self) -> Tensor:
        """The unit, counted within the group, of each of the group's channels in the root: int64 C."""
        return torch.tensor(self.order) if self.order else torch.arange(self.width) % self.size

    def channels(self, units: Tensor) -> list[int]:
        """Those of the group's channels in the root that belong to units given by their index within the group."""
        return torch.isin(self.unit_of_channel, units.cpu()).nonzero().flatten().tolist()


@dataclass(frozen=True)
class UnitMap:
    """All groups of one network, and the units that each layer reads and carries.

    ``reads[layer]`` and ``carries[layer]`` give the unit of every input (output) channel of a layer, or U ("always
    kept"): int64 C. ``bare``: parameter or buffer of no layer -> the unit of each position along its dimension in
    ``bare_dims``. ``not_pruned``: root layer that cannot be pruned -> reason. ``rounds``: see ``count_rounds``.
    """

    groups: tuple[UnitGroup, ...]
    reads: Mapping[str, Tensor]
    carries: Mapping[str, Tensor]
    not_pruned: Mapping[str, str] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)
    bare: Mapping[str, Tensor] = field(default_factory=dict)
    bare_dims: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """U, the length of a state."""
        return sum(group.size for group in self.groups)

    @property
    def sizes(self) -> Tensor:
        """Units of each group: int64 G."""
        return torch.tensor([group.size for group in self.groups], dtype=torch.int64)

    @property
    def not_pruned_before_head(self) -> Mapping[str, str]:
        """``not_pruned`` without the class head, which is never pruned."""
        return {root: reason for root, reason in self.not_pruned.items() if reason != FEEDS_OUTPUT}

    @property
    def group_of_unit(self) -> Tensor:
        """The group index of every unit: int64 U."""
        return torch.repeat_interleave(torch.arange(len(self.groups)), self.sizes)

    def counts(self, keep_PU: Tensor) -> Tensor:
        """Kept units per group: int64 (P, G) from states (P, U)."""
        counts = torch.zeros(len(keep_PU), len(self.groups), dtype=torch.int64)
        return counts.index_add_(1, self.group_of_unit, keep_PU.to(dtype=torch.int64, device="cpu"))

    def kept_channels(self, keep_U: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Layer -> which of its input channels a state (U) keeps, and of its output channels: bool C on the CPU."""
        keep = with_fixed(keep_U)
        reads, carries = ({name: keep[units] for name, units in side.items()} for side in (self.reads, self.carries))
        return reads, carries

    def without(self, not_pruned: Mapping[str, str]) -> "UnitMap":
        """The same units without some groups, given by root -> why it is not pruned."""
        kept = [(group, np.arange(self.total)[group.units]) for group in self.groups if group.root not in not_pruned]
        sides = [
            {name: units.numpy() for name, units in side.items()} for side in (self.reads, self.carries, self.bare)
        ]
        units = _number(kept, sides, {**self.not_pruned, **not_pruned})
        return replace(units, rounds=self.rounds, bare_dims=self.bare_dims)


def without_names(reason: str) -> str:
    """A reason with ``...`` for dotted layer names, so that it is the same for all layers of a kind."""
    return " ".join("..." if "." in word.strip(",;:.") else word for word in reason.split())


def nothing_to_prune(not_pruned: Mapping[str, str]) -> UsageError:
    """The error for a network in which no layer can be pruned: each kind of reason with its first layer."""
    first: dict[str, str] = {}
    for root, reason in not_pruned.items():
        first.setdefault(without_names(reason), f"{root}: {reason}")
    listed = list(first.values())[:MOST_REASONS]
    if len(not_pruned) > len(listed):
        listed.append(f"{len(not_pruned) - len(listed)} more layers for the same or other reasons")
    return UsageError(f"nothing can be pruned in this network ({'; '.join(listed) or 'no layer makes channels'})")


def with_fixed(keep_U: Tensor) -> Tensor:
    """A state, and as unit U the channels that are always kept: bool (U + 1,) on the CPU."""
    return torch.cat([keep_U.bool().cpu(), torch.ones(1, dtype=torch.bool)])


def find_units(network: nn.Module, example: Tensor) -> UnitMap:
    """Group the channels of any classifier into units, by a batch of images (B, C, H, W); it is not changed.

    UsageError if it does not run on the images, is not a classifier, or has no group that can be pruned.
    """
    traced = trace(network, example)
    order = {name: place for place, (name, _) in enumerate(network.named_modules())}
    not_pruned = {name: reason for name, reason in traced.not_cut.items() if name in order}
    groups: list[tuple[UnitGroup, Labels]] = []
    for labels in _candidates(traced):
        root, refusal = _root_or_refusal(traced, labels, order)
        if refusal:
            not_pruned.setdefault(root, refusal)
        else:
            groups.append(_group(traced, root, labels))
    if not groups:
        raise nothing_to_prune(not_pruned)
    groups.sort(key=lambda pair: order[pair[0].layer])
    in_order = dict(sorted(not_pruned.items(), key=lambda item: order[item[0]]))
    units = _number(groups, (traced.reads, traced.carries, traced.bare), in_order)
    return replace(units, rounds=count_rounds(network, example, units.reads), bare_dims=traced.bare_dims)


def _candidates(traced: Trace) -> list[Labels]:
    """Possible groups: sets of channels with the same number of channels in the same layers."""
    layers_of: dict[int, list[tuple[str, bool, int]]] = {}
    for reads, side in ((False, traced.carries), (True, traced.reads), (False, traced.bare)):
        for name, labels in side.items():
            for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
                layers_of.setdefault(int(label), []).append((name, reads, int(count)))
    layers_of.pop(0, None)
    made = {int(label) for name in traced.makers for label in traced.carries[name]}
    alike: dict[tuple[tuple[str, bool, int], ...], list[int]] = {}
    for label in sorted(layers_of.keys() & made):  # without channels of padding alone
        alike.setdefault(tuple(layers_of[label]), []).append(label)
    return [np.array(labels) for labels in alike.values()]


def _root_or_refusal(traced: Trace, labels: Labels, order: Mapping[str, int]) -> tuple[str, str]:
    """The root of a group, and ""; or the first layer that makes these channels, and why they are not pruned."""
    makers = sorted(traced.makers, key=lambda name: order[name])
    makers = [name for name in makers if np.isin(traced.carries[name], labels).any()]
    reason = next((traced.reasons[label] for label in labels.tolist() if label in traced.reasons), None)
    if reason is not None:
        return makers[0], reason
    if not any(np.isin(read, labels).any() for read in traced.reads.values()):
        return makers[0], "nothing reads it"
    if len(labels) == 1:
        return makers[0], "its channels cannot go one by one"
    whole = [name for name in makers if np.isin(traced.carries[name], labels).all()]
    return (whole or makers)[0], ""


def _group(traced: Trace, root: str, labels: Labels) -> tuple[UnitGroup, Labels]:
    """A group, its units in the order of the root's channels; without its place in a state yet."""
    places = np.isin(traced.carries[root], labels).nonzero()[0]
    channels = traced.carries[root][places]
    _, seen, unit = np.unique(channels, return_index=True, return_inverse=True)
    unit_of_channel = np.argsort(np.argsort(seen))[unit]
    size, tied = len(labels), len(channels) // len(labels)
    plain = np.array_equal(unit_of_channel, np.arange(len(channels)) % size)
    name = root if len(channels) == len(traced.carries[root]) else f"{root}[{places[0]}:{places[-1] + 1}]"
    return UnitGroup(name, 0, size, tied, () if plain else tuple(unit_of_channel.tolist())), channels[np.sort(seen)]


def _number(
    groups: list[tuple[UnitGroup, Labels]],
    sides: Sequence[Mapping[str, Labels]],
    not_pruned: Mapping[str, str],
) -> UnitMap:
    """Number the units of groups from 0 up; the groups and the sides (reads, carries, bare) give them by labels."""
    total = sum(group.size for group, _ in groups)
    highest = max((int(labels.max()) for side in sides for labels in side.values()), default=0)
    unit_of_label = np.full(highest + 1, total)
    numbered, first = [], 0
    for group, labels in groups:
        numbered.append(replace(group, first=first))
        unit_of_label[labels] = np.arange(first, first + group.size)
        first += group.size

    def units_of(side: Mapping[str, Labels]) -> dict[str, Tensor]:
        found = {name: torch.from_numpy(unit_of_label[labels]) for name, labels in side.items()}
        return {name: units for name, units in found.items() if (units < total).any()}

    reads, carries, bare = map(units_of, sides)
    return UnitMap(tuple(numbered), reads, carries, not_pruned, bare=bare)
