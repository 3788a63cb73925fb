"""A layer's weights by its input channels, whatever the layer.

Axes: C input channels of a layer.
"""

import torch
from torch import Tensor, nn

from compress.layers import is_transposed


@torch.no_grad()
def scale_inputs(layer: nn.Module, factors_C: Tensor) -> None:
    """Multiply what a convolution or linear layer makes of every input channel, in place.

    Args:
        layer: a convolution (of any dimension, grouped, transposed) or linear layer.
        factors_C: one factor for each input channel.
    """
    weight: Tensor = layer.weight  # type: ignore[assignment]
    factors = factors_C.to(weight)
    if is_transposed(layer):
        weight.mul_(factors.reshape(-1, *(1 for _ in weight.shape[1:])))
        return
    groups = getattr(layer, "groups", 1)
    rows = factors.reshape(groups, 1, -1).expand(groups, len(weight) // groups, -1).reshape(*weight.shape[:2])
    weight.mul_(rows.reshape(*rows.shape, *(1 for _ in weight.shape[2:])))
