"""Wrappers around a network: data parallel, torch.compile, averaged weights. Units belong to the network inside."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.parallel import DataParallel, DistributedDataParallel

from compress.errors import UsageError
from compress.networks.adopt import wrapped_by


def unwrap(model: nn.Module) -> nn.Module:
    """The network in its wrappers; UsageError for one that spreads the network's weights or masks over devices."""
    inside = _unwrap_once(model)
    return model if inside is None else unwrap(inside)


def _unwrap_once(model: nn.Module) -> nn.Module | None:
    if isinstance(model, FullyShardedDataParallel):
        raise UsageError("expected whole weights on every device, got FullyShardedDataParallel; try DDP")
    if isinstance(model, DataParallel) and len(model.device_ids) > 1:
        raise UsageError(
            "expected the network on one device, got DataParallel over several; try DistributedDataParallel"
        )
    return wrapped_by(model)


def mean_over_ranks(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """A function that averages a tensor over the processes of DDP, so that all choose the same states; else nothing."""
    inside: nn.Module | None = model
    while inside is not None and not isinstance(inside, DistributedDataParallel):
        inside = _unwrap_once(inside)
    if inside is None:
        return lambda tensor: tensor
    device, group = next(inside.parameters()).device, inside.process_group

    def mean(tensor: Tensor) -> Tensor:
        total = tensor.detach().to(device, copy=True)
        torch.distributed.all_reduce(total, group=group)
        return total / torch.distributed.get_world_size(group)

    return mean


def with_layers_of(network: nn.Module, other: nn.Module) -> nn.Module:
    """``other``; UsageError if its parameters and buffers have other names or shapes than a network's."""
    ours, theirs = ({name: value.shape for name, value in each.state_dict().items()} for each in (network, other))
    if ours != theirs:
        odd = min(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        raise UsageError(f"expected a network with the layers of the pruner's model, got one that differs at {odd}")
    return other
