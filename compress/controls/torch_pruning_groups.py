"""torch-pruning's groups of coupled channels, compared with ours: its importances score a group of its own graph."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.units import UnitGroup, UnitMap
from compress.errors import UsageError
from compress.structure.shrink import import_torch_pruning
from compress.tracing.layers import Cuttable, widths

_Ties = set[tuple[str, str, int, int]]
"""(side, layer, channel, unit): cutting the unit cuts this channel of the layer's inputs or outputs."""


def matching_groups(network: nn.Module, units: UnitMap, example: Tensor) -> Sequence[Any]:
    """torch-pruning's group for each of ours, its channels in the order of the units.

    torch-pruning's graph comes from one forward pass of ``example`` (B, C, H, W), with gradients of all parameters.
    UsageError, with the layer and the reason, if it does not tie the same channels of the same layers to each unit.
    """
    for group in units.groups:
        if group.tied > 1:
            raise _refusal(f"takes the channels of layer {group.layer} singly, and {group.tied} have to go together")
    try:
        graph, groups = _their_groups(network, units, example)
    except Exception as error:
        text = " ".join(str(error).split())
        raise _refusal(f"cannot follow the network ({type(error).__name__}: {text})") from error
    names: dict[Any, str] = {layer: name for name, layer in network.named_modules()}
    names |= {parameter: name for name, parameter in network.named_parameters()}
    for group, theirs, ours in zip(units.groups, groups, _our_ties(units), strict=True):
        differing = ours ^ _their_ties(graph, theirs, names, first=group.first)
        if differing:
            other = min(name for _, name, _, _ in differing)
            raise _refusal(f"ties other channels of layer {other} to those of {group.layer} than a cut needs")
    return groups


def _refusal(reason: str) -> UsageError:
    return UsageError(f"methods tp-* cannot be used: torch-pruning {reason}; try --method taylor, l2 or thinet")


def _their_groups(network: nn.Module, units: UnitMap, example: Tensor) -> tuple[Any, Sequence[Any]]:
    """torch-pruning's graph and groups; its warnings are not shown, because the ties are compared."""
    with warnings.catch_warnings(action="ignore"), torch.enable_grad():
        graph = import_torch_pruning().DependencyGraph()
        graph.build_dependency(network, example, forward_fn=lambda model, images: model(images), verbose=False)
        return graph, [_their_group(network, units, group, graph) for group in units.groups]


def _their_group(network: nn.Module, units: UnitMap, ours: UnitGroup, graph: Any) -> Any:
    """The group of our group's channels. ``root_idxs`` count within it, as importances expect.

    torch-pruning takes padding along the channels for an elementwise operation: behind a shortcut padded with zeros it
    lists channels that do not exist. These are left out.
    """
    root, carried_C = network.get_submodule(ours.layer), units.carries[ours.layer]
    channels = ((carried_C >= ours.first) & (carried_C < ours.first + ours.size)).nonzero().flatten().tolist()
    place = {channel: number for number, channel in enumerate(channels)}
    found = graph.get_pruning_group(root, graph.get_pruner_of_module(root).prune_out_channels, channels)
    group = type(found)()
    for item in found.items:
        width = _width(item, graph)
        real = [pair for pair in zip(item.idxs, item.root_idxs, strict=True) if pair[0] < width]
        if real:
            group.add_dep(item.dep, [channel for channel, _ in real])
            group[len(group) - 1].root_idxs = [place[root] for _, root in real]
    return group


def _width(item: Any, graph: Any) -> float:
    layer = item.dep.target.module
    return widths(layer)[_is_output(item, graph)] if isinstance(layer, Cuttable) else float("inf")


def _is_output(item: Any, graph: Any) -> bool:
    return bool(graph.is_out_channel_pruning_fn(item.dep.handler))


def _our_ties(units: UnitMap) -> Sequence[_Ties]:
    """The ties of each group's units."""
    group_of_unit = units.group_of_unit.tolist()
    ties: list[_Ties] = [set() for _ in units.groups]
    for side, layers in (("reads", units.reads), ("carries", units.carries), ("bare", units.bare)):
        for name, unit_of_channel in layers.items():
            for channel, unit in enumerate(unit_of_channel.tolist()):
                if unit < units.total:
                    ties[group_of_unit[unit]].add((side, name, channel, unit))
    return ties


def _their_ties(graph: Any, group: Any, names: Mapping[Any, str], *, first: int) -> _Ties:
    """The ties in torch-pruning's group, with units from ``first`` on."""
    ties: _Ties = set()
    for item in group.items:
        target = item.dep.target.module
        if isinstance(target, nn.Parameter):
            side = "bare"
        elif isinstance(target, Cuttable) or list(target.parameters(recurse=False)):
            side = "carries" if _is_output(item, graph) else "reads"
        else:
            continue  # an operator
        ties |= {
            (side, names[target], channel, first + unit)
            for channel, unit in zip(item.idxs, item.root_idxs, strict=True)
        }
    return ties
