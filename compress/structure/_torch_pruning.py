"""The only importer of torch-pruning: its dependency graph as plain data, and the removal itself.

We use ``DependencyGraph`` directly and none of the pruners: those share mutable default arguments
and decide for themselves which layer is the class head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn
from torch_pruning import ops

_NORMALISES_OVER_CHANNELS = {ops.OPTYPE.LN: "LayerNorm", ops.OPTYPE.GN: "GroupNorm"}
_NOT_CARRIED = {
    ops.OPTYPE.PARAMETER: "a bare parameter",
    ops.OPTYPE.MHA: "attention",
    ops.OPTYPE.LSTM: "an LSTM",
    ops.OPTYPE.EMBED: "an embedding",
    ops.OPTYPE.CUSTOMIZED: "a custom layer",
    ops.OPTYPE.UNBIND: "an unbind",
    ops.OPTYPE.EXPAND: "an expand",
}

FEEDS_OUTPUT = "it feeds the network's output"


@dataclass(frozen=True)
class Member:
    """One layer's part in a group: ``positions[k]`` of the layer belongs to channel ``channels[k]`` of the root.

    ``reads``: the positions are input channels; otherwise output channels (of a convolution, a
    linear layer, or a per-channel layer such as BatchNorm or a depthwise convolution).
    """

    layer: str
    reads: bool
    positions: tuple[int, ...]
    channels: tuple[int, ...]


@dataclass(frozen=True)
class TracedGroup:
    """Channels that can only go together, seen from their first layer, the root.

    ``refusal`` says why the group has to stay whole; empty where it can be pruned.
    """

    root: str
    width: int
    members: tuple[Member, ...]
    refusal: str


def trace_groups(network: nn.Module, example: Tensor) -> list[TracedGroup]:
    """Find the coupled channel groups of a network.

    Args:
        network: any module; its weights and mode are left as they were.
        example: a batch of images (B, C, H, W) it accepts.

    Raises:
        RuntimeError: torch-pruning cannot trace the network.
    """
    graph = _build_graph(network, example)
    names = {module: name for name, module in network.named_modules()}
    return [_describe(graph, group, names) for group in graph.get_all_groups()]


def remove_channels(network: nn.Module, example: Tensor, dropped: Mapping[str, Sequence[int]]) -> None:
    """Cut channels out of a network, in place, with everything coupled to them.

    Args:
        network: the module to cut.
        example: a batch of images (B, C, H, W) it accepts.
        dropped: root layer name -> indices of its output channels to remove.
    """
    graph = _build_graph(network, example)
    for root, channels in dropped.items():
        if not channels:
            continue
        layer = network.get_submodule(root)
        prune = graph.get_pruner_of_module(layer).prune_out_channels
        graph.get_pruning_group(layer, prune, list(channels)).prune(record_history=False)


def _build_graph(network: nn.Module, example: Tensor) -> Any:
    training = network.training
    try:
        with torch.enable_grad():
            return torch_pruning.DependencyGraph().build_dependency(network, example, verbose=False)
    except Exception as error:  # its tracing raises whatever an unknown graph provokes (IndexError, AssertionError)
        raise RuntimeError(f"torch-pruning cannot trace this network: {type(error).__name__}: {error}") from error
    finally:
        network.train(training)


def _describe(graph: Any, group: Any, names: Mapping[nn.Module, str]) -> TracedGroup:
    root = group[0].dep.target.module
    members = []
    refusal = ""
    for item in group:
        node = item.dep.target
        refusal = refusal or _refusal(graph, item.dep, names)
        if node.module not in names or not list(node.module.parameters(recurse=False)):
            continue
        reads = graph.is_in_channel_pruning_fn(item.dep.handler) and node.type in (ops.OPTYPE.CONV, ops.OPTYPE.LINEAR)
        members.append(Member(names[node.module], reads, tuple(item.idxs), tuple(item.root_idxs)))
    if not refusal and not any(member.reads for member in members):
        refusal = "nothing reads it"
    return TracedGroup(names[root], graph.get_out_channels(root), tuple(members), refusal)


def _refusal(graph: Any, dependency: Any, names: Mapping[nn.Module, str]) -> str:
    node = dependency.target
    if node.type in _NORMALISES_OVER_CHANNELS:
        return f"{_NORMALISES_OVER_CHANNELS[node.type]} {names[node.module]} normalises over it"
    if node.type in _NOT_CARRIED:
        return f"{_NOT_CARRIED[node.type]} takes part in it"
    if node.type == ops.OPTYPE.OUTPUT:
        return FEEDS_OUTPUT
    if not node.outputs and graph.is_out_channel_pruning_fn(dependency.handler):
        return FEEDS_OUTPUT
    return ""
