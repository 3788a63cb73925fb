"""Kinds of layers that can be cut, their widths and channel axes: convolutions, linear layers, norms and PReLU."""

from typing import Any

from torch import nn

Convolution = nn.modules.conv._ConvNd
BatchNorm = nn.modules.batchnorm._BatchNorm
Norm = BatchNorm | nn.modules.instancenorm._InstanceNorm
PerChannel = Norm | nn.GroupNorm | nn.PReLU
Cuttable = Convolution | nn.Linear | PerChannel

_WIDTHS: tuple[tuple[Any, tuple[str, str]], ...] = (
    (Convolution, ("in_channels", "out_channels")),
    (nn.Linear, ("in_features", "out_features")),
    (nn.PReLU, ("num_parameters", "num_parameters")),
    (Norm, ("num_features", "num_features")),
    (nn.GroupNorm, ("num_channels", "num_channels")),
)

_PLAIN: tuple[type[nn.Module], ...] = (
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
    nn.SyncBatchNorm, nn.GroupNorm, nn.PReLU,
)  # fmt: skip


def widths(layer: nn.Module) -> tuple[int, int]:
    """Input and output channels of a layer."""
    name_in, name_out = width_names(layer)
    return int(getattr(layer, name_in)), int(getattr(layer, name_out))


def width_names(layer: nn.Module) -> tuple[str, str]:
    """The attributes of a layer that hold its widths."""
    return next(names for kind, names in _WIDTHS if isinstance(layer, kind))


def channel_axis(layer: nn.Module, rank: int) -> int:
    """The channel axis of a layer's input and output, which have ``rank`` dimensions."""
    if isinstance(layer, PerChannel):
        return 1
    return rank - 1 - (len(layer.kernel_size) if isinstance(layer, Convolution) else 0)


def is_depthwise(layer: nn.Module) -> bool:
    """True for a convolution with separate filters for every channel: it carries units on and reads none."""
    return isinstance(layer, Convolution) and layer.groups == layer.in_channels > 1


def is_transposed(layer: nn.Module) -> bool:
    """True for a transposed convolution: its weight has the input channels first."""
    return isinstance(layer, nn.modules.conv._ConvTransposeNd)


def has_own_forward(layer: nn.Module) -> bool:
    """True for a subclass of torch's layer that has its own forward."""
    own, plain = type(layer), kind_of(layer)
    return any(getattr(own, name, None) is not getattr(plain, name, None) for name in ("forward", "_conv_forward"))


def layers_to_cut(network: nn.Module) -> tuple[dict[nn.Module, str], dict[str, str]]:
    """Layers that can be cut -> name; and name -> reason for layers of these kinds that cannot.

    A layer can be cut if it has a known class and no parameters of other names, unless its own forward uses these.
    """
    found: dict[nn.Module, str] = {}
    reasons: dict[str, str] = {}
    first_owner: dict[int, str] = {}
    for name, layer in network.named_modules():
        if not isinstance(layer, Cuttable):
            continue
        strange = sorted({key for key, _ in layer.named_parameters(recurse=False)} - {"weight", "bias"})
        if kind_of(layer) is None:
            reasons[name] = f"{type(layer).__name__} is not a kind of layer that can be cut"
        elif (strange and not _computes_here(layer)) or "parametrizations" in dict(layer.named_children()):
            reasons[name] = f"it computes its weights from others ({', '.join(strange) or 'parametrizations'})"
        else:
            found[layer] = name
            for parameter in layer.parameters(recurse=False):
                other = first_owner.setdefault(id(parameter), name)
                if other != name:
                    reasons[name] = f"it shares its weights with {other}"
                    reasons.setdefault(other, f"it shares its weights with {name}")
    return found, reasons


def _computes_here(layer: nn.Module) -> bool:
    """True for a convolution that may compute its weights in its own forward, from its weight and others."""
    return isinstance(layer, Convolution) and has_own_forward(layer) and "weight" in dict(layer.named_parameters())


def kind_of(layer: nn.Module) -> type[nn.Module] | None:
    """The class of torch that a layer belongs to, if it is one that can be cut."""
    return next((kind for kind in _PLAIN if isinstance(layer, kind)), None)
