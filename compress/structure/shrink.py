"""The cut itself: torch-pruning's layer pruners take dropped channels out, and ours where these are wrong."""

import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.masks import kept_positions
from compress.channels.units import UnitMap
from compress.tracing.layers import BatchNorm, Convolution, is_depthwise, is_transposed, width_names, widths

_KNOWN = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


@torch.no_grad()
def shrink(network: nn.Module, units: UnitMap, keep_U: Tensor) -> None:
    """Cut the units that a state (bool U) drops out of a network, in place."""
    positions = kept_positions(network, units, keep_U)
    reads, carries = units.kept_channels(keep_U)
    for name in {*reads, *carries}:
        layer = network.get_submodule(name)
        before = dict(layer.named_parameters(recurse=False))
        read, carried = reads.get(name), carries.get(name)
        pruner = pruner_of(layer)
        if pruner is None:
            tensors = (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False))
            _cut_here(layer, {key: positions.get(f"{name}.{key}", {}) for key, _ in tensors}, read, carried)
        else:
            for cut_side, kept in ((pruner.prune_out_channels, carried), (pruner.prune_in_channels, read)):
                if kept is not None:
                    cut_side(layer, (~kept).nonzero().flatten().tolist())
        _restore_format(layer, before)
    for name in units.bare:
        parent, _, key = name.rpartition(".")
        owner = network.get_submodule(parent)
        before = {own: value for own, value in owner.named_parameters(recurse=False) if own == key}
        _select(owner, key, positions[name])
        _restore_format(owner, before)


def pruner_of(layer: nn.Module) -> Any:
    """torch-pruning's pruner for a layer; ``None`` where that pruner would not cut it, or not right (see the tests)."""
    own = (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False))
    of_the_user = dict(own).keys() - _KNOWN
    match layer:
        case Convolution() if is_depthwise(layer):  # several filters a channel: wrong numbers of inputs and groups
            wrong = layer.in_channels != layer.out_channels
        case Convolution():  # the weight is (in, out / groups, ...)
            wrong = is_transposed(layer) and layer.groups > 1
        case BatchNorm():  # without a bias it fails
            wrong = layer.affine and layer.bias is None
        case nn.GroupNorm():  # its groups stay as many as they are
            wrong = True
        case nn.modules.instancenorm._InstanceNorm():  # running statistics stay as they are; without a bias it fails
            wrong = layer.track_running_stats or (layer.affine and layer.bias is None)
        case _:
            wrong = False
    if wrong or of_the_user:
        return None
    torch_pruning = import_torch_pruning()
    reads = isinstance(layer, Convolution) and not is_depthwise(layer)  # torch-pruning asks for one output a group only
    kind = torch_pruning.ops.OPTYPE.CONV if reads else torch_pruning.ops.module2type(layer)
    return torch_pruning.pruner.function.PrunerBox[kind]


@cache
def import_torch_pruning() -> ModuleType:
    """torch-pruning, without timm: it imports timm where that is installed, for seconds, and does not need it here."""
    without_timm = "timm" not in sys.modules
    if without_timm:
        sys.modules["timm"] = None  # type: ignore[assignment]
    try:
        import torch_pruning
    finally:
        if without_timm:
            del sys.modules["timm"]
    return torch_pruning


def _restore_format(layer: nn.Module, before: Mapping[str, nn.Parameter]) -> None:
    """Frozen parameters stay frozen, and weights stay channels last: a pruner forgets both."""
    for name, value in before.items():
        cut = layer.get_parameter(name)
        cut.requires_grad_(value.requires_grad)
        if value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last):
            cut.data = cut.data.contiguous(memory_format=torch.channels_last)


def _cut_here(
    layer: nn.Module, positions: Mapping[str, Mapping[int, Tensor]], read: Tensor | None, carried: Tensor | None
) -> None:
    """Cut a layer, given the kept positions of its tensors and its kept channels."""
    width_in, width_out = (
        width if kept is None else int(kept.sum()) for width, kept in zip(widths(layer), (read, carried), strict=True)
    )
    for key, sides in positions.items():
        _select(layer, key, sides)
    if isinstance(layer, nn.GroupNorm):
        layer.num_groups = layer.num_groups * width_out // layer.num_channels
    if isinstance(layer, Convolution) and is_depthwise(layer):
        width_in = width_out * layer.in_channels // layer.out_channels
        layer.groups = width_in
    for name, width in zip(width_names(layer), (width_in, width_out), strict=True):
        setattr(layer, name, width)


def _select(owner: nn.Module, key: str, positions: Mapping[int, Tensor]) -> None:
    """Cut one of a module's parameters or buffers: bool along each dimension that is cut."""
    value = tensor = getattr(owner, key)
    for dim, kept in positions.items():
        tensor = tensor.index_select(dim, kept.nonzero().flatten().to(value.device))
    is_parameter = isinstance(value, nn.Parameter)
    setattr(owner, key, nn.Parameter(tensor, value.requires_grad) if is_parameter else tensor)
