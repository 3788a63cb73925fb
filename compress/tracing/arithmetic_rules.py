"""Rules for operators that compute: elementwise, over axes, or as matrix products.

A rule is called only if one of the tensors carries channels.
"""

from collections.abc import Collection
from functools import partial

from compress.tracing.operator_call import Call, Channels, Outcome, Rule, unfollowed


def pointwise(call: Call) -> Outcome:
    """Channels that are combined are tied; those combined with a tensor of fixed width stay."""
    tensors = call.tensors
    rank = max(tensor.dim() for tensor in tensors)
    carried = [(tensor, channels) for tensor in tensors if (channels := call.channels_of(tensor))]
    first, *others = [Channels(one.axis + rank - tensor.dim(), one.labels) for tensor, one in carried]
    for other in others:
        if other.axis == first.axis and len(other.labels) == len(first.labels):
            call.sets.tie(first.labels, other.labels, f"it meets something of fixed width ({call.operator})")
        else:
            for one in (first, other):
                call.keep(one, f"it meets channels of another axis ({call.operator})")
    for tensor in tensors:
        axis = first.axis - rank + tensor.dim()
        if call.channels_of(tensor) is None and axis >= 0 and tensor.shape[axis] > 1:
            what = call.name_of(tensor) or "a tensor of fixed width"
            bound = call.bind(tensor, axis) if tensor.shape[axis] == len(first.labels) else None
            if bound is None:
                call.keep(first, f"{what} is combined with it ({call.operator})")
            else:
                call.sets.tie(first.labels, bound, f"{what} is combined with it ({call.operator}) in {call.place}")
    return first


def _reduce(call: Call) -> Outcome:
    """A sum, mean or maximum: over the channel axis, no channel can be pruned."""
    channels, dims = call.channels, call.dims("dim")
    if channels is None or channels.axis in dims:
        return _over(call, dims)
    gone = 0 if call.arguments.get("keepdim") else sum(dim < channels.axis for dim in dims)
    return Channels(channels.axis - gone, channels.labels)


def _over(call: Call, axes: Collection[int]) -> Outcome:
    """Laid out like the first tensor; if the operator runs over the channel axis, no channel can be pruned."""
    if call.channels and call.channels.axis in axes:
        return call.keep(call.channels, f"{call.operator} runs over it")
    return call.channels


def _spatial(call: Call, *, axes: int) -> Outcome:
    """Pooling or resizing of the last ``axes`` axes."""
    return _over(call, range(call.rank - axes, call.rank))


def _normalise(call: Call, *, kind: str) -> Outcome:
    """LayerNorm, and GroupNorm outside its layer: dropping a channel changes the statistics of the others."""
    first = call.rank - len(call.arguments["normalized_shape"]) if kind == "LayerNorm" else 1
    if call.channels and call.channels.axis >= first:
        call.sets.keep(call.channels.labels, f"{kind} {call.place} normalises over it")
    return [call.channels, *[None] * (len(call.results) - 1)]


def _batch_norm(call: Call) -> Outcome:
    """BatchNorm outside its layer: each channel by itself, with its own parameters and statistics."""
    channels = call.channels
    if channels is None or channels.axis != 1:
        return unfollowed(call)
    for tensor in call.tensors[1:]:
        beside = call.channels_of(tensor)
        labels = call.bind(tensor, 0) if beside is None else beside.labels
        if labels is None:
            call.keep(channels, f"{call.name_of(tensor) or 'a tensor of fixed width'} is combined with it")
        else:
            call.sets.tie(channels.labels, labels, "it is normalised with something of fixed width")
    return [channels, *[None] * (len(call.results) - 1)]


def _glu(call: Call) -> Outcome:
    """Gated linear unit, one half times the sigmoid of the other: the two are tied."""
    channels = call.channels
    if channels is None or channels.axis not in call.dims("dim"):
        return channels
    half = len(channels.labels) // 2
    call.sets.tie(channels.labels[:half], channels.labels[half:], f"it is a gated unit in {call.place}")
    return Channels(channels.axis, channels.labels[:half])


_OPERATORS: tuple[tuple[Rule, str], ...] = (
    (pointwise, "copy _prelu_kernel masked_fill where rsub"),
    (_reduce, "mean sum amax amin max min var std var_mean std_mean prod argmax argmin logsumexp linalg_vector_norm "
              "norm median any all nanmean"),
    (lambda call: _over(call, call.dims("dim")), "_softmax _log_softmax softmax log_softmax cumsum cumprod sort topk"),
    (partial(_spatial, axes=1), "max_pool1d max_pool1d_with_indices avg_pool1d adaptive_avg_pool1d "
                                "adaptive_max_pool1d upsample_nearest1d _upsample_nearest_exact1d upsample_linear1d"),
    (partial(_spatial, axes=2), "max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d "
                                "_adaptive_avg_pool2d adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d "
                                "_upsample_nearest_exact2d _upsample_bilinear2d_aa upsample_bicubic2d "
                                "_upsample_bicubic2d_aa"),
    (partial(_spatial, axes=3), "max_pool3d max_pool3d_with_indices avg_pool3d adaptive_avg_pool3d "
                                "_adaptive_avg_pool3d adaptive_max_pool3d upsample_nearest3d upsample_trilinear3d"),
    (partial(_normalise, kind="LayerNorm"), "native_layer_norm _fused_rms_norm"),
    (partial(_normalise, kind="GroupNorm"), "native_group_norm"),
    (_batch_norm, "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training"),
    # outside a layer; inputs that are not pruned do not change its cost
    (lambda call: call.keep_all("a product of matrices takes it"), "mm bmm mv dot addmm addmv addbmm baddbmm"),
    (_glu, "glu"),
)  # fmt: skip

ARITHMETIC: dict[str, Rule] = {name: rule for rule, names in _OPERATORS for name in names.split()}
