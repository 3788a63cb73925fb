"""Prunable units: one unit is one channel of a coupled group, so every state can be removed physically.

Axes: U units, G groups, C channels of a layer, P states.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from compress.errors import UsageError
from compress.layers import Convolution, is_depthwise, widths
from compress.structure._torch_pruning import FEEDS_OUTPUT, Member, TracedGroup, trace_groups


@dataclass(frozen=True)
class UnitGroup:
    """Units ``first`` .. ``first + size - 1`` of a state: channels that can go one by one.

    Each takes along whatever a residual add, a concat or a flatten ties to it. A unit is
    ``tied`` channels of the root, ``size`` apart: more than one where a grouped
    convolution needs the same positions kept in every one of its groups.
    """

    root: str
    first: int
    size: int
    tied: int = 1

    @property
    def units(self) -> slice:
        """Where this group's units lie in a state."""
        return slice(self.first, self.first + self.size)

    def channels(self, units: Tensor) -> list[int]:
        """Root channels of units given by their index within the group, in ascending order."""
        tied = torch.arange(self.tied).unsqueeze(1) * self.size + units.cpu()
        return [int(channel) for channel in tied.flatten()]


@dataclass(frozen=True)
class UnitMap:
    """All groups of one network, and where each layer reads and carries their units.

    ``reads[layer]`` and ``carries[layer]`` give, for every input (output) channel of a layer, the
    unit it belongs to, or U ("always kept"): int64 C. ``left_whole`` maps a root layer that cannot
    be pruned to the reason.
    """

    groups: tuple[UnitGroup, ...]
    reads: Mapping[str, Tensor]
    carries: Mapping[str, Tensor]
    left_whole: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """U, the length of a state."""
        return sum(group.size for group in self.groups)

    @property
    def surprises(self) -> Mapping[str, str]:
        """``left_whole`` without the class head, which always is."""
        return {root: reason for root, reason in self.left_whole.items() if reason != FEEDS_OUTPUT}

    @property
    def group_of_unit(self) -> Tensor:
        """The group index of every unit: int64 U."""
        sizes = torch.tensor([group.size for group in self.groups])
        return torch.repeat_interleave(torch.arange(len(self.groups)), sizes)

    def counts(self, keep_PU: Tensor) -> Tensor:
        """Kept units per group: int64 (P, G) from states (P, U)."""
        counts = torch.zeros(len(keep_PU), len(self.groups), dtype=torch.int64)
        return counts.index_add_(1, self.group_of_unit, keep_PU.to(dtype=torch.int64, device="cpu"))


def find_units(network: nn.Module, example: Tensor) -> UnitMap:
    """Group a network's channels into units, protecting whatever feeds its output.

    Args:
        network: any classifier; left as it was.
        example: a batch of images (B, C, H, W) it accepts.

    Raises:
        UsageError: the network cannot be traced, or has no group that can be pruned.
    """
    try:
        traced = trace_groups(network, example)
    except RuntimeError as error:
        raise UsageError(f"{error}. The network cannot be pruned; try another one.") from error
    order = {name: place for place, (name, _) in enumerate(network.named_modules())}
    traced = [replace(group, root=_first_layer(group, network, order)) for group in traced]
    traced.sort(key=lambda group: order[group.root])
    kept = list(_prunable(traced, network))
    left_whole = {group.root: group.refusal for group in traced if group.refusal}
    left_whole |= {group.root: "its channels cannot go one by one" for group, tied in kept if group.width == tied}
    kept = [(group, tied) for group, tied in kept if group.width > tied]
    if not kept:
        reasons = "; ".join(f"{root}: {reason}" for root, reason in left_whole.items())
        raise UsageError(f"nothing can be pruned in this network ({reasons})")
    return _number(kept, left_whole, network)


def _first_layer(group: TracedGroup, network: nn.Module, order: Mapping[str, int]) -> str:
    """The first layer, in the order of definition, whose output channels are the group's, one for one."""
    whole = tuple(range(group.width))
    layers = [
        member.layer
        for member in group.members
        if not member.reads
        and member.positions == member.channels == whole
        and isinstance(network.get_submodule(member.layer), Convolution | nn.Linear)
        and not is_depthwise(network.get_submodule(member.layer))
    ]
    return min(layers, key=lambda name: order[name], default=group.root)


def _prunable(traced: list[TracedGroup], network: nn.Module) -> Iterator[tuple[TracedGroup, int]]:
    for group in traced:
        if not group.refusal:
            yield group, math.lcm(*(_channel_groups(network, member) for member in group.members))


def _channel_groups(network: nn.Module, member: Member) -> int:
    layer = network.get_submodule(member.layer)
    if not isinstance(layer, Convolution) or is_depthwise(layer):
        return 1
    return layer.groups


def _number(kept: list[tuple[TracedGroup, int]], left_whole: dict[str, str], network: nn.Module) -> UnitMap:
    total = sum(group.width // tied for group, tied in kept)
    groups: list[UnitGroup] = []
    reads: dict[str, Tensor] = {}
    carries: dict[str, Tensor] = {}
    first = 0
    for traced, tied in kept:
        size = traced.width // tied
        groups.append(UnitGroup(root=traced.root, first=first, size=size, tied=tied))
        for member in traced.members:
            layer = network.get_submodule(member.layer)
            place = reads if member.reads else carries
            units = place.setdefault(member.layer, torch.full((widths(layer)[0 if member.reads else 1],), total))
            units[list(member.positions)] = first + torch.tensor(member.channels) % size
        first += size
    return UnitMap(tuple(groups), reads, carries, left_whole)
