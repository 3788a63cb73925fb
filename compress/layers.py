"""How wide a layer is. Convolutions, linear layers, and layers that act on every channel alone."""

from torch import nn

Convolution = nn.modules.conv._ConvNd
PerChannel = nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm | nn.PReLU


def widths(layer: nn.Module) -> tuple[int, int]:
    """Input and output channels of a layer that has parameters."""
    match layer:
        case Convolution():
            return layer.in_channels, layer.out_channels
        case nn.Linear():
            return layer.in_features, layer.out_features
        case _:
            width = next(layer.parameters(recurse=False)).shape[0]
            return width, width


def is_depthwise(layer: nn.Module) -> bool:
    """True for a convolution with one filter per channel: it carries units on, and reads none."""
    return isinstance(layer, Convolution) and layer.groups == layer.out_channels == layer.in_channels > 1


def is_transposed(layer: nn.Module) -> bool:
    """True for a transposed convolution: its weight has the input channels first."""
    return isinstance(layer, nn.modules.conv._ConvTransposeNd)
