"""Rules for operators that compute: elementwise, over axes, or as matrix products."""

from torch import Tensor

from compress.tracing.operator_call import Call, Channels, Outcome, Rule


def pointwise(call: Call) -> Outcome:
    """Channels that are combined are tied; those combined with a tensor of fixed width stay."""
    rank = max((tensor.dim() for tensor in call.tensors), default=0)
    met: Channels | None = None
    for tensor in call.tensors:
        channels = call.channels_of(tensor)
        if channels is None:
            continue
        here = Channels(channels.axis + rank - tensor.dim(), channels.labels)
        if met is None:
            met = here
        elif here.axis == met.axis and len(here.labels) == len(met.labels):
            call.sets.tie(met.labels, here.labels, f"it meets something of fixed width ({call.operator})")
        else:
            for one in (met, here):
                _keep(call, one, f"it meets channels of another axis ({call.operator})")
    if met is None:
        return [None] * len(call.results)
    for tensor in call.tensors:
        if call.channels_of(tensor) is None and _length(tensor, met.axis, rank) > 1:
            what = call.name_of(tensor) or "a tensor of fixed width"
            _keep(call, met, f"{what} is combined with it ({call.operator})")
    return [met] * len(call.results)


def _keep(call: Call, channels: Channels, reason: str) -> None:
    call.sets.keep(call.sets.find(channels.labels), f"{reason} in {call.place}")


def _length(tensor: Tensor, axis: int, rank: int) -> int:
    place = axis - rank + tensor.dim()
    return tensor.shape[place] if place >= 0 else 1


def reduce(call: Call) -> Outcome:
    """A sum, mean or maximum: over the channel axis, no channel can be pruned."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels is None:
        return [None] * len(call.results)
    dims = call.dims("dim", tensor.dim())
    if channels.axis in dims:
        call.keep(tensor, f"{call.operator} runs over it")
        return [None] * len(call.results)
    gone = 0 if call.arguments.get("keepdim") else sum(dim < channels.axis for dim in dims)
    return [Channels(channels.axis - gone, channels.labels) for _ in call.results]


def along(call: Call) -> Outcome:
    """A softmax, running sum or sort: along the channel axis, no channel can be pruned."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels and channels.axis in call.dims("dim", tensor.dim()):
        call.keep(tensor, f"{call.operator} runs over it")
        channels = None
    return [channels] * len(call.results)


def spatial(axes: int) -> Rule:
    """Pooling or resizing of the last ``axes`` axes."""

    def rule(call: Call) -> Outcome:
        tensor = call.tensors[0]
        channels = call.channels_of(tensor)
        if channels and channels.axis >= tensor.dim() - axes:
            call.keep(tensor, f"{call.operator} runs over it")
            channels = None
        return [channels] * len(call.results)

    return rule


def normalise(kind: str) -> Rule:
    """LayerNorm and GroupNorm: dropping a channel changes the statistics of the others."""

    def rule(call: Call) -> Outcome:
        tensor = call.tensors[0]
        channels = call.channels_of(tensor)
        first = tensor.dim() - len(call.arguments["normalized_shape"]) if kind == "LayerNorm" else 1
        if channels and channels.axis >= first:
            call.sets.keep(call.sets.find(channels.labels), f"{kind} {call.place} normalises over it")
        return [channels] + [None] * (len(call.results) - 1)

    return rule


def product(call: Call) -> Outcome:
    """A matrix product outside a layer: its inputs are not pruned, so its cost does not change."""
    for tensor in call.tensors:
        call.keep(tensor, "a product of matrices takes it")
    return [None] * len(call.results)


def glu(call: Call) -> Outcome:
    """Gated linear unit, one half times the sigmoid of the other: the two are tied."""
    tensor = call.tensors[0]
    channels = call.channels_of(tensor)
    if channels is None or channels.axis not in call.dims("dim", tensor.dim()):
        return [channels]
    half = len(channels.labels) // 2
    call.sets.tie(channels.labels[:half], channels.labels[half:], f"it is a gated unit in {call.place}")
    return [Channels(channels.axis, channels.labels[:half])]


_POOLS: dict[int, tuple[str, ...]] = {
    1: ("max_pool1d", "max_pool1d_with_indices", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d",
        "upsample_nearest1d", "_upsample_nearest_exact1d", "upsample_linear1d"),
    2: ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d",
        "adaptive_max_pool2d", "upsample_nearest2d", "_upsample_nearest_exact2d", "upsample_bilinear2d",
        "_upsample_bilinear2d_aa", "upsample_bicubic2d", "_upsample_bicubic2d_aa"),
    3: ("max_pool3d", "max_pool3d_with_indices", "avg_pool3d", "adaptive_avg_pool3d", "_adaptive_avg_pool3d",
        "adaptive_max_pool3d", "upsample_nearest3d", "upsample_trilinear3d"),
}  # fmt: skip

SUMS: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "mean", "sum", "amax", "amin", "max", "min", "var", "std", "var_mean", "std_mean", "prod", "argmax",
            "argmin", "logsumexp", "linalg_vector_norm", "norm", "median", "any", "all", "nanmean",
        ),
        reduce,
    ),
    **dict.fromkeys(("_softmax", "_log_softmax", "softmax", "log_softmax", "cumsum", "cumprod", "sort", "topk"), along),
    **{name: spatial(axes) for axes, names in _POOLS.items() for name in names},
    "native_layer_norm": normalise("LayerNorm"),
    "_fused_rms_norm": normalise("LayerNorm"),
    "native_group_norm": normalise("GroupNorm"),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "addmm", "addmv", "addbmm", "baddbmm"), product),
    "glu": glu,
    "copy": pointwise,
    "_prelu_kernel": pointwise,
    "masked_fill": pointwise,
    "where": pointwise,
    "rsub": pointwise,
}  # fmt: skip
