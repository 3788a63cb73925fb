"""Rules for operators that only move numbers: the operator itself is run on labels to see where they go."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from compress.tracing.channel_sets import Labels
from compress.tracing.operator_call import Call, Channels, Outcome, Rule, unfollowed


def same(call: Call) -> Outcome:
    """The result is laid out like the first argument."""
    channels = call.channels_of(call.tensors[0])
    return [channels if channels and _fits(result, channels) else None for result in call.results]


def move(call: Call) -> Outcome:
    """Run the operator on labels. If one channel then lies along two axes, channels are tied until it does not.

    That happens if code splits the channel axis in two (channel shuffle, attention heads, pixel shuffle):
    the longest part may shrink, the others are fixed in the code.
    """
    carrying = [tensor for tensor in call.tensors if call.channels_of(tensor) is not None]
    if not carrying:
        return [None] * len(call.results)
    replaced = pytree.tree_map_only(Tensor, lambda tensor: _spread(call, tensor), dict(call.arguments))
    try:
        moved = _call_again(call.function, replaced)
    except (RuntimeError, NotImplementedError):  # the operator does not take integers
        return unfollowed(call)
    labels = [value for value in pytree.tree_leaves(moved) if isinstance(value, Tensor)]
    return [_along_one_axis(call, found.numpy()) for found in labels]


def restride(call: Call) -> Outcome:
    """Nothing moves if each channel has one pixel, as after average pooling of channels-last features."""
    size, stride = call.arguments["size"], call.arguments["stride"]
    one_pixel = len(size) > 1 and set(size[2:]) <= {1} and tuple(stride[:2]) == (size[1], 1)
    if one_pixel and all(tensor.shape == torch.Size(size) for tensor in call.tensors):
        return same(call)
    return unfollowed(call)


def fresh(call: Call) -> Outcome:
    """A new tensor of a fixed size: it carries no channels."""
    return [None] * len(call.results)


def cat(call: Call) -> Outcome:
    """Concatenated along the channel axis: labels in a row; along another axis: channels are tied."""
    tensors = [tensor for tensor in call.arguments["tensors"] if tensor.numel()]
    carried = [call.channels_of(tensor) for tensor in tensors]
    axes = {channels.axis for channels in carried if channels}
    if not axes:
        return [None]
    axis = axes.pop()
    if axes:
        return unfollowed(call)
    parts = [_labels(channels, tensor.shape[axis]) for channels, tensor in zip(carried, tensors, strict=True)]
    if call.arguments["dim"] % tensors[0].dim() == axis:
        return [Channels(axis, np.concatenate(parts))]
    for part in parts[1:]:
        call.sets.tie(parts[0], part, f"it is put beside something of fixed width in {call.place}")
    return [Channels(axis, parts[0])]


def split(call: Call) -> Outcome:
    """Equal parts are tied, so that they stay equal; unequal parts are fixed in the code."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    axis = call.arguments["dim"] % tensor.dim()
    if channels is None or channels.axis != axis:
        return [channels] * len(call.results)
    parts = np.split(channels.labels, np.cumsum([result.shape[axis] for result in call.results])[:-1])
    if len({len(part) for part in parts}) > 1:
        call.keep(tensor, "it is split into unequal parts")
        return [None] * len(parts)
    for part in parts[1:]:
        call.sets.tie(parts[0], part, f"it is split in {call.place}")
    return [Channels(axis, part) for part in parts]


def pick(call: Call) -> Outcome:
    """Positions picked by number: no channel of that axis can be pruned."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    for other in call.tensors[1:]:
        call.keep(other, "it is used as an index")
    if channels is None:
        return [None] * len(call.results)
    touched = (
        _indexed(call, tensor.dim()) if call.operator == "index" else set(call.dims(_DIM[call.operator], tensor.dim()))
    )
    if channels.axis in touched and not _takes_everything(call, tensor):
        reason = f"channels are picked by number ({call.operator})"
        if call.operator == "slice":
            where = slice(*(call.arguments[name] for name in ("start", "end", "step")))
            return [Channels(channels.axis, call.sets.take_slice(channels.labels, where, f"{reason} in {call.place}"))]
        call.keep(tensor, reason)
        return [None] * len(call.results)
    if call.operator == "index":  # labels must not replace its index
        indices = [index if index is None else index.cpu() for index in call.arguments["indices"]]
        return [_along_one_axis(call, call.function(_spread(call, tensor), indices).numpy())]
    return move(call)


def pad(call: Call) -> Outcome:
    """Padding of the channel axis adds fixed channels; cropping it keeps all."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels is None:
        return [None]
    amounts = call.arguments["pad"]
    place = 2 * (tensor.dim() - 1 - channels.axis)
    before, after = amounts[place : place + 2] or (0, 0)
    if min(before, after) < 0:
        call.keep(tensor, "channels are cropped")
        return [None]
    return [Channels(channels.axis, np.pad(channels.labels, (before, after)))]


def unfold(call: Call) -> Outcome:
    """Windows as columns: each channel is repeated for every place in a window."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels is None or channels.axis != tensor.dim() - 3:
        return unfollowed(call)
    return [Channels(channels.axis, np.repeat(channels.labels, math.prod(call.arguments["kernel_size"])))]


def shuffle(call: Call) -> Outcome:
    """A channel shuffle: the same positions of every group are tied."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels is None:
        return [None]
    if channels.axis != 1:
        return [channels]
    rows = channels.labels.reshape(call.arguments["groups"], -1)
    for row in rows[1:]:
        call.sets.tie(rows[0], row, f"it is shuffled in {call.place}")
    return [Channels(1, rows.T.flatten())]


def _spread(call: Call, tensor: Tensor) -> Tensor:
    """Labels in the shape of a tensor."""
    channels = call.channels_of(tensor)
    if channels is None:
        return torch.zeros(tensor.shape, dtype=torch.int32)
    shape = [1] * tensor.dim()
    shape[channels.axis] = -1
    labels = torch.from_numpy(call.sets.find(channels.labels).astype(np.int32))
    return labels.reshape(shape).expand(tensor.shape).contiguous()


def _call_again(function: Any, arguments: dict[str, Any]) -> Any:
    positional = [a.name for a in function._schema.arguments if not a.kwarg_only]
    args = [arguments[name] for name in positional if name in arguments]
    return function(*args)


def _along_one_axis(call: Call, labels: Labels) -> Channels | None:
    axes = _varying(labels)
    if not axes:
        call.sets.keep(np.unique(labels), f"it is taken apart in {call.place}")
        return None
    axis = max(axes, key=lambda axis: (labels.shape[axis], axis))
    if call.operator == "pixel_shuffle":
        axis = labels.ndim - 3
    rows = np.moveaxis(labels, axis, -1).reshape(-1, labels.shape[axis]).astype(np.int64)
    if len(axes) > 1:
        rows = np.unique(rows, axis=0)
        for row in rows[1:]:
            call.sets.tie(rows[0], row, f"it is mixed with something of fixed width in {call.place}")
    return Channels(axis, call.sets.find(rows[0]))


def _varying(labels: Labels) -> list[int]:
    return [axis for axis in range(labels.ndim) if (labels != labels.take([0], axis=axis)).any()]


def _labels(channels: Channels | None, size: int) -> Labels:
    return channels.labels if channels else np.zeros(size, dtype=np.int64)


def _fits(tensor: Tensor, channels: Channels) -> bool:
    return tensor.dim() > channels.axis and tensor.shape[channels.axis] == len(channels.labels)


def _takes_everything(call: Call, tensor: Tensor) -> bool:
    return call.operator == "slice" and call.results[0].shape == tensor.shape


def _indexed(call: Call, rank: int) -> set[int]:
    if any(index is not None and not index.dtype.is_signed for index in call.arguments["indices"]):
        return set(range(rank))  # a mask picks positions, along several axes at once
    return {axis for axis, index in enumerate(call.arguments["indices"]) if index is not None}


_DIM = {
    "slice": "dim", "select": "dim", "index_select": "dim", "gather": "dim", "roll": "dims",
    "unbind": "dim", "unfold": "dimension",
}  # fmt: skip

MOVES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze",
            "expand", "repeat", "flip", "stack", "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d",
            "reflection_pad2d", "replication_pad1d", "replication_pad2d", "diagonal",
        ),
        move,
    ),
    **dict.fromkeys(
        (
            "clone", "detach", "alias", "_to_copy", "contiguous", "lift_fresh", "dropout", "native_dropout", "fill",
            "zero", "bernoulli", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like",
            "uniform", "normal", "hardswish", "rrelu_with_noise",
        ),
        same,
    ),
    **dict.fromkeys(_DIM, pick),
    **dict.fromkeys(("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided"), fresh),
    "as_strided": restride,
    "index": pick,
    "cat": cat,
    "split": split,
    "split_with_sizes": split,
    "constant_pad_nd": pad,
    "im2col": unfold,
    "channel_shuffle": shuffle,
    "native_channel_shuffle": shuffle,
}  # fmt: skip
