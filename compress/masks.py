"""A mask acts where a unit is read: at the inputs of the layers that consume it, per sample.

After BatchNorm, a bias or a sigmoid a zeroed filter is no longer zero; a channel zeroed where it is
read is gone for good. So the masked network equals the physically smaller one.

Axes: P states, U units, B samples, C channels of a layer.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from compress.layers import Convolution, is_depthwise, is_transposed
from compress.units import UnitMap


@contextmanager
def masked(network: nn.Module, units: UnitMap, keep: Tensor) -> Iterator[None]:
    """Run a network as if the dropped units were not there, for as long as the context lasts.

    Args:
        network: the network the units were found in.
        units: its units.
        keep: the state, 0 or 1 per unit: (U,) for all samples alike, or (B, U), a state per sample.
            With ``requires_grad`` its gradient is the sum over the weights that read a unit of
            ``W * dL/dW_masked``, for kept and dropped units.
    """
    rows = keep.reshape(-1, units.total)
    always = rows.new_ones(len(rows), 1)
    extended = torch.cat([rows, always], dim=1)
    with ExitStack() as hooks:
        for name, unit_of_channel in units.reads.items():
            layer = network.get_submodule(name)
            mask = extended[:, unit_of_channel.to(keep.device)]
            hook = layer.register_forward_pre_hook(_multiply_input(_shaped(mask, layer)))
            hooks.callback(hook.remove)
        yield


@torch.no_grad()
def population_logits(network: nn.Module, units: UnitMap, keep_PU: Tensor, images: Tensor) -> Tensor:
    """Logits of every state on the same images, in one forward of P x B samples.

    Args:
        network: in eval mode, so that samples do not touch each other through BatchNorm.
        units: its units.
        keep_PU: states (P, U), float 0 or 1.
        images: (B, C, H, W).

    Returns:
        Logits (P, B, K).
    """
    states, batch = len(keep_PU), len(images)
    repeated = images.repeat(states, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    with masked(network, units, keep_PU.repeat_interleave(batch, dim=0)):
        return network(repeated).reshape(states, batch, -1)


def kept_entries(network: nn.Module, units: UnitMap, keep_U: Tensor) -> Mapping[str, Tensor]:
    """Which entries of parameters and buffers belong to kept units, on both sides of a weight.

    Returns:
        Name -> bool tensor that broadcasts to the parameter's or buffer's shape; names that no
        unit touches are left out. Selecting by it gives the smaller network's tensor, flattened.
    """
    keep = torch.cat([keep_U.bool().cpu(), torch.ones(1, dtype=torch.bool)])
    entries: dict[str, Tensor] = {}
    for name in {*units.reads, *units.carries}:
        layer = network.get_submodule(name)
        for key, tensor in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)):
            if not tensor.dim():  # BatchNorm's count of batches
                continue
            entry = torch.ones([1] * tensor.dim(), dtype=torch.bool)
            if is_depthwise(layer) and is_transposed(layer) and tensor.dim() > 1:
                each = layer.out_channels // layer.in_channels
                entries[f"{name}.{key}"] = _along(keep[units.carries[name][::each]], 0, tensor).to(tensor.device)
                continue
            out_dim = 1 if is_transposed(layer) and tensor.dim() > 1 else 0
            if name in units.carries:
                entry = entry & _along(keep[units.carries[name]], out_dim, tensor)
            if name in units.reads and tensor.dim() > 1:
                entry = entry & _along(keep[units.reads[name]], 1 - out_dim, tensor)
            entries[f"{name}.{key}"] = entry.to(tensor.device)
    return entries


def _along(keep_C: Tensor, dim: int, tensor: Tensor) -> Tensor:
    shape = [1] * tensor.dim()
    shape[dim] = -1
    return keep_C[: tensor.shape[dim]].reshape(shape)  # a grouped convolution repeats its first group's positions


def _shaped(mask: Tensor, layer: nn.Module) -> Tensor:
    if isinstance(layer, Convolution):
        return mask.reshape(*mask.shape, *(1 for _ in layer.kernel_size))
    return mask


def _multiply_input(mask: Tensor) -> Any:
    def hook(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        features, *rest = inputs
        spread = mask
        while spread.dim() < features.dim():  # a linear layer on (B, tokens, C)
            spread = spread.unsqueeze(1)
        return (features * spread, *rest)

    return hook
