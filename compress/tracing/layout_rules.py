"""Rules for operators that only move numbers: the operator itself is run on labels to see where they go.

A rule is called only if one of the tensors carries channels.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from compress.tracing.channel_sets import Labels
from compress.tracing.operator_call import Call, Channels, Outcome, Rule, unfollowed


def _same(call: Call) -> Outcome:
    """The result is laid out like the first argument."""
    channels = call.channels
    if channels is None:
        return None
    axis, width = channels.axis, len(channels.labels)
    return [channels if one.dim() > axis and one.shape[axis] == width else None for one in call.results]


def _move(call: Call) -> Outcome:
    """Run the operator on labels. If one channel then lies along two axes, channels are tied until it does not.

    Code splits an axis in two for shuffles and attention heads: the longest part may shrink, the others are fixed.
    """
    labelled = pytree.tree_map_only(Tensor, lambda tensor: _label(call, tensor), dict(call.arguments))
    names = [argument.name for argument in call.function._schema.arguments if not argument.kwarg_only]
    try:
        moved = call.function(*(labelled[name] for name in names if name in labelled))
    except (RuntimeError, NotImplementedError):  # the operator does not take integers
        return unfollowed(call)
    return [_along_one_axis(call, one.numpy()) for one in pytree.tree_leaves(moved) if isinstance(one, Tensor)]


def _restride(call: Call) -> Outcome:
    """Nothing moves if each channel has one pixel, as after average pooling of channels-last features."""
    size, stride = call.arguments["size"], call.arguments["stride"]
    one_pixel = len(size) > 1 and set(size[2:]) <= {1} and tuple(stride[:2]) == (size[1], 1)
    if one_pixel and all(tensor.shape == torch.Size(size) for tensor in call.tensors):
        return _same(call)
    return unfollowed(call)


def _cat(call: Call) -> Outcome:
    """Concatenated along the channel axis: labels in a row; along another axis: channels are tied."""
    tensors = [tensor for tensor in call.arguments["tensors"] if tensor.numel()]
    carried = [call.channels_of(tensor) for tensor in tensors]
    axes = {channels.axis for channels in carried if channels}
    if len(axes) != 1:
        return unfollowed(call)
    (axis,) = axes
    bound = [None if channels else call.bind(tensor, axis) for channels, tensor in zip(carried, tensors, strict=True)]
    parts = [
        channels.labels if channels else np.zeros(tensor.shape[axis], dtype=np.int64) if labels is None else labels
        for channels, tensor, labels in zip(carried, tensors, bound, strict=True)
    ]
    if call.arguments["dim"] % tensors[0].dim() == axis:
        return Channels(axis, np.concatenate(parts))
    return Channels(axis, _tied(call, parts, "it is put beside something of fixed width"))


def _split(call: Call) -> Outcome:
    """Equal parts are tied, so that they stay equal; the sizes of unequal parts may be read from layers.

    Parts that differ by one, or that come from one number, may be shares of a width that does not divide.
    """
    channels = call.channels
    axis = call.arguments["dim"] % call.rank
    if channels is None or channels.axis != axis:
        return channels
    parts = np.split(channels.labels, np.cumsum([result.shape[axis] for result in call.results])[:-1])
    lengths = {len(part) for part in parts}
    if len(lengths) == 1:
        _tied(call, parts, "it is split")
    elif call.operator == "split" or max(lengths) - min(lengths) == 1:
        return call.keep(channels, "it is split into shares that are not equal")
    return [Channels(axis, part) for part in parts]


def _pick(call: Call) -> Outcome:
    """Positions picked by number: no channel of that axis can be pruned."""
    channels, arguments, indexed = call.channels, call.arguments, call.operator == "index"
    for index in call.tensors[1:]:
        call.keep(call.channels_of(index), "it is used as an index")
    if channels is None:
        return None
    whole = call.operator == "slice" and call.results[0].shape == call.tensors[0].shape
    if not whole and channels.axis in (_indexed(call) if indexed else call.dims(_PICKS[call.operator])):
        reason = f"channels are picked by number ({call.operator})"
        if call.operator != "slice":
            return call.keep(channels, reason)
        where = slice(arguments["start"], arguments["end"], arguments["step"])
        return Channels(channels.axis, call.sets.take_slice(channels.labels, where, f"{reason} in {call.place}"))
    if not indexed:
        return _move(call)
    indices = [index if index is None else index.cpu() for index in arguments["indices"]]  # labels must not replace it
    return _along_one_axis(call, call.function(_label(call, call.tensors[0]), indices).numpy())


def _indexed(call: Call) -> list[int]:
    """The axes that ``index`` picks from: by numbers, or by a mask, which lies along several axes at once."""
    indices = call.arguments["indices"]
    masked = any(index is not None and not index.dtype.is_signed for index in indices)
    return [axis for axis in range(call.rank) if masked or (axis < len(indices) and indices[axis] is not None)]


def _pad(call: Call) -> Outcome:
    """Padding of the channel axis adds channels, whose number may be computed from widths; cropping it keeps all.

    If there are as many before as after, the code may halve a number: pairs of these are tied. Other shares are fixed.
    """
    channels = call.channels
    if channels is None:
        return None
    place = 2 * (call.rank - 1 - channels.axis)
    before, after = call.arguments["pad"][place : place + 2] or (0, 0)
    if min(before, after) < 0:
        return call.keep(channels, "channels are cropped")
    if not before and not after:
        return channels
    if before and after and before != after:
        return Channels(channels.axis, np.pad(channels.labels, (before, after)))
    first, last = call.sets.new(before), call.sets.new(after)
    if before == after:
        call.sets.tie(first, last, "")
    return Channels(channels.axis, np.concatenate([first, channels.labels, last]))


def _unfold(call: Call) -> Outcome:
    """Windows as columns: each channel is repeated for every place in a window."""
    channels = call.channels
    if channels is None or channels.axis != call.rank - 3:
        return unfollowed(call)
    return Channels(channels.axis, np.repeat(channels.labels, math.prod(call.arguments["kernel_size"])))


def _shuffle(call: Call) -> Outcome:
    """A channel shuffle: the same positions of every group are tied."""
    channels = call.channels
    if channels is None or channels.axis != 1:
        return channels
    rows = channels.labels.reshape(call.arguments["groups"], -1)
    _tied(call, rows, "it is shuffled")
    return Channels(1, rows.T.flatten())


def _tied(call: Call, rows: Labels | list[Labels], reason: str) -> Labels:
    """The first row, to which the others are tied."""
    for row in rows[1:]:
        call.sets.tie(rows[0], row, f"{reason} in {call.place}")
    return rows[0]


def _label(call: Call, tensor: Tensor) -> Tensor:
    """Labels in the shape of a tensor."""
    channels = call.channels_of(tensor)
    if channels is None:
        return torch.zeros(tensor.shape, dtype=torch.int32)
    shape = [-1 if axis == channels.axis else 1 for axis in range(tensor.dim())]
    labels = torch.from_numpy(call.sets.find(channels.labels).astype(np.int32))
    return labels.reshape(shape).expand(tensor.shape).contiguous()


def _along_one_axis(call: Call, labels: Labels) -> Channels | None:
    """The channels of a result, given the label of each of its numbers."""
    axes = [axis for axis in range(labels.ndim) if (labels != labels.take([0], axis=axis)).any()]
    if not axes:
        call.sets.keep(np.unique(labels), f"it is taken apart in {call.place}")
        return None
    axis = max(axes, key=lambda axis: (labels.shape[axis], axis))
    if call.operator == "pixel_shuffle":
        axis = labels.ndim - 3
    rows = np.moveaxis(labels, axis, -1).reshape(-1, labels.shape[axis]).astype(np.int64)
    rows = np.unique(rows, axis=0) if len(axes) > 1 else rows[:1]
    return Channels(axis, call.sets.find(_tied(call, rows, "it is mixed with something of fixed width")))


_PICKS = {
    "slice": "dim", "select": "dim", "index_select": "dim", "gather": "dim", "roll": "dims",
    "unbind": "dim", "unfold": "dimension",
}  # fmt: skip
"""Operators that pick positions -> the argument that names their axis."""

_OPERATORS: tuple[tuple[Rule, str], ...] = (
    (_move, "view _unsafe_view reshape _reshape_alias permute transpose t unsqueeze squeeze expand repeat flip stack "
            "pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d "
            "diagonal"),
    (_same, "clone detach alias _to_copy contiguous lift_fresh dropout native_dropout fill zero bernoulli zeros_like "
            "ones_like empty_like full_like rand_like randn_like uniform normal hardswish rrelu_with_noise"),
    (lambda _call: None, "new_zeros new_ones new_empty new_full new_empty_strided"),  # of a fixed size: no channels
    (_pick, " ".join((*_PICKS, "index"))),
    (_restride, "as_strided"),
    (_cat, "cat"),
    (_split, "split split_with_sizes"),
    (_pad, "constant_pad_nd"),
    (_unfold, "im2col"),
    (_shuffle, "channel_shuffle native_channel_shuffle"),
)  # fmt: skip

LAYOUT: dict[str, Rule] = {name: rule for rule, names in _OPERATORS for name in names.split()}
