"""Mask units at the inputs of the layers that read them: one state for all samples, or one for each.

A zeroed filter is no longer zero after BatchNorm, a bias or a sigmoid, but a channel that is zeroed at its
reader's input has no effect. Therefore the masked network equals the physically smaller one. A single state is
folded into the weights that read it, which is the same and costs next to nothing; where a layer's code might do more
with its weight than one product, and with a state for each sample, the input itself is masked.

Axes: P states, U units, B samples, C channels of a layer.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from compress.channels.units import UnitMap, with_fixed
from compress.tracing.forward_pass import Watch, watching_inputs
from compress.tracing.layers import (
    Convolution,
    channel_axis,
    has_own_forward,
    is_depthwise,
    is_transposed,
    widths,
)


@contextmanager
def masked(network: nn.Module, units: UnitMap, keep: Tensor) -> Iterator[None]:
    """Mask the dropped units of a network inside the context.

    ``keep`` is a state, 0 or 1 per unit: (U,), or (B, U), one per sample. With ``requires_grad`` its gradient is the
    sum over the weights that read a unit of ``W * dL/dW_masked``, for kept and dropped units.
    """
    rows = keep.reshape(-1, units.total)

    def mask_of(name: str) -> Tensor:  # every forward pass has a graph of its own
        return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)[:, units.reads[name].to(keep.device)]

    def multiplying(name: str) -> Watch:
        rounds = units.rounds.get(name, 1)
        return lambda layer, x: x * _spread(mask_of(name), x.shape, channel_axis(layer, x.dim()), rounds)

    folding = {name for name in units.reads if len(rows) == 1 and _folds(network.get_submodule(name))}
    with ExitStack() as stack:
        for name in folding:
            _fold(network.get_submodule(name), partial(mask_of, name), stack)
        stack.enter_context(watching_inputs(network, {n: multiplying(n) for n in units.reads if n not in folding}))
        yield


def _folds(layer: nn.Module) -> bool:
    """Whether a mask on a layer's input is the same as one on the columns of its weight."""
    plain = isinstance(layer, nn.Linear) or (
        isinstance(layer, Convolution) and layer.groups == 1 and not is_transposed(layer)
    )
    own = has_own_forward(layer) or "forward" in vars(layer)  # of its class, or put in its place
    return plain and not own and isinstance(layer._parameters.get("weight"), nn.Parameter)


def _fold(layer: nn.Module, mask_of: Callable[[], Tensor], stack: ExitStack) -> None:
    """While the layer runs, and only then, its weight is masked: optimizers and the user's hooks see the whole one."""
    whole: list[Any] = []

    def before(layer: nn.Module, _inputs: Any) -> None:
        weight = layer._parameters["weight"]
        assert weight is not None
        whole.append(weight)
        mask_C = mask_of()[0]
        layer._parameters["weight"] = weight * mask_C.reshape(-1, *[1] * (weight.dim() - 2))  # type: ignore[assignment]

    def after(layer: nn.Module, *_call: Any) -> None:
        if whole:  # it is also called where ``before`` was not reached
            layer._parameters["weight"] = whole.pop()

    stack.callback(after, layer)  # no hook is called where Ctrl-C stops the layer
    stack.callback(layer.register_forward_pre_hook(before).remove)
    stack.callback(layer.register_forward_hook(after, always_call=True, prepend=True).remove)


@torch.no_grad()
def population_logits(network: nn.Module, units: UnitMap, keep_PU: Tensor, images: Tensor) -> Tensor:
    """Logits (P, B, K) of every state (float 0 or 1) on the same images (B, C, H, W), in one forward of P x B samples.

    The network has to be in eval mode, so that samples do not affect each other through BatchNorm.
    """
    states, batch = len(keep_PU), len(images)
    repeated = images.repeat(states, 1, 1, 1)
    if images.is_contiguous(memory_format=torch.channels_last):
        repeated = repeated.contiguous(memory_format=torch.channels_last)
    with masked(network, units, keep_PU.repeat_interleave(batch, dim=0)):
        return network(repeated).reshape(states, batch, -1)


def kept_positions(network: nn.Module, units: UnitMap, keep_U: Tensor) -> Mapping[str, Mapping[int, Tensor]]:
    """Where the kept units are in parameters and buffers: name -> dimension -> bool along it, if it carries units."""
    reads, carries = units.kept_channels(keep_U)
    keep = with_fixed(keep_U)
    positions = {name: {units.bare_dims[name]: keep[unit]} for name, unit in units.bare.items()}
    for name in {*reads, *carries}:
        layer = network.get_submodule(name)
        for key, tensor in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)):
            for dim, kept in enumerate(_sides(layer, tensor, reads.get(name), carries.get(name))):
                if kept is not None:  # a grouped convolution repeats its first group's positions
                    positions.setdefault(f"{name}.{key}", {})[dim] = kept[: tensor.shape[dim]]
    return positions


def _sides(layer: nn.Module, tensor: Tensor, read: Tensor | None, carried: Tensor | None) -> tuple[Tensor | None, ...]:
    """The kept channels along the first dimensions of one of a layer's tensors."""
    if tensor.dim() < 2:  # BatchNorm's count of batches has no dimension
        return (carried,)[: tensor.dim()]
    if is_depthwise(layer) and is_transposed(layer):  # its weight is (in, out/in, ...)
        width_in, width_out = widths(layer)
        return (carried if carried is None else carried[:: width_out // width_in],)
    return (read, carried) if is_transposed(layer) else (carried, read)


def kept_entries(network: nn.Module, units: UnitMap, keep_U: Tensor) -> Mapping[str, Tensor]:
    """Which entries of parameters and buffers belong to kept units, on both sides of a weight; see ``kept_positions``.

    Name -> bool tensor that broadcasts to its shape; selecting by it gives the smaller network's tensor, flattened.
    """
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    entries: dict[str, Tensor] = {}
    for name, sides in kept_positions(network, units, keep_U).items():
        entry = torch.ones([1] * tensors[name].dim(), dtype=torch.bool)
        for dim, kept in sides.items():
            entry = entry & kept.reshape([-1 if place == dim else 1 for place in range(entry.dim())])
        entries[name] = entry.to(tensors[name].device)
    return entries


def _spread(mask_BC: Tensor, shape: torch.Size, axis: int, rounds: int) -> Tensor:
    """A mask that broadcasts to a layer's input: rows (the same number for each sample), channels, places."""
    places = [1] * (len(shape) - axis - 1)
    if len(mask_BC) == 1:
        return mask_BC.reshape(-1, *places)
    rows = shape[:axis].numel() // (rounds * len(mask_BC))
    spread = mask_BC.unsqueeze(1).expand(rounds, -1, rows, -1)
    return spread.reshape(*shape[:axis], -1, *places)
