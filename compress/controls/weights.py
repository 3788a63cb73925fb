"""What a layer's input channels contribute to its output: convolutions (any dimension, grouped, transposed), linear.

Axes: C input channels of a layer, B batch, L places in its output (pixels, tokens).
"""

import torch
from torch import Tensor, nn

from compress.tracing.layers import is_transposed, kind_of


def filters(layer: nn.Module) -> Tensor:
    """A layer's weights, one row for each output channel (C, N)."""
    weight: Tensor = layer.weight.detach()  # type: ignore[operator]
    return _other_axis_first(layer, weight) if is_transposed(layer) else weight.reshape(len(weight), -1)


def input_filters(layer: nn.Module) -> Tensor:
    """A layer's weights, one row for each input channel (C, N)."""
    weight: Tensor = layer.weight.detach()  # type: ignore[operator]
    return weight.flatten(1) if is_transposed(layer) else _other_axis_first(layer, weight)


def _other_axis_first(layer: nn.Module, weight: Tensor) -> Tensor:
    """Rows by the second axis of a weight, which counts within each of the layer's groups."""
    groups = getattr(layer, "groups", 1)
    return weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1).flatten(1)


@torch.no_grad()
def scale_inputs(layer: nn.Module, factors_C: Tensor) -> None:
    """Multiply the contribution of every input channel of a layer by a factor, in place."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    factors = factors_C.to(weight)
    if is_transposed(layer):
        weight.mul_(factors.reshape(-1, *(1 for _ in weight.shape[1:])))
        return
    groups = getattr(layer, "groups", 1)
    rows = factors.reshape(groups, 1, -1).expand(groups, len(weight) // groups, -1)
    weight.mul_(rows.reshape(*weight.shape[:2], *(1 for _ in weight.shape[2:])))


@torch.no_grad()
def contributions(layer: nn.Module, features: Tensor, channel: int) -> Tensor:
    """Contributions (B, C, L) of all input channels to one output channel; their sum is the output minus the bias.

    ``features``: the input, (B, C, ...) of a convolution or (B, ..., C) of a linear layer.
    """
    if isinstance(layer, nn.Linear):
        return (features * layer.weight[channel]).reshape(len(features), -1, layer.in_features).transpose(1, 2)
    alone, first = _each_alone(layer, channel)
    width = alone.in_channels
    added = alone(features[:, first : first + width]).flatten(2)
    spread = added.new_zeros(len(added), features.shape[1], added.shape[-1])  # zero for channels of other groups
    spread[:, first : first + width] = added
    return spread


def _each_alone(layer: nn.Module, channel: int) -> tuple[nn.modules.conv._ConvNd, int]:
    """The convolution with one filter per input channel that gives what each adds, and the first channel it takes."""
    assert isinstance(layer, nn.modules.conv._ConvNd)
    width, outputs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    first = channel // outputs * width
    options = {"output_padding": layer.output_padding} if is_transposed(layer) else {"padding_mode": layer.padding_mode}
    alone = nn.utils.skip_init(
        kind_of(layer), width, width, layer.kernel_size, groups=width, bias=False,
        stride=layer.stride, padding=layer.padding, dilation=layer.dilation, **options,
    )  # fmt: skip
    own = layer.weight[first : first + width, channel % outputs] if is_transposed(layer) else layer.weight[channel]
    alone.weight = nn.Parameter(own.unsqueeze(1).detach(), requires_grad=False)
    return alone, first
