"""The cut itself: every layer keeps the rows and columns of its tensors that belong to kept units."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from compress.channels.masks import kept_positions
from compress.channels.units import UnitMap
from compress.tracing.layers import Convolution, is_depthwise, widths


@torch.no_grad()
def shrink(network: nn.Module, units: UnitMap, keep_U: Tensor) -> None:
    """Cut what a state drops out of a network, in place.

    Args:
        network: the module to cut.
        units: its units.
        keep_U: the state, bool U.
    """
    positions = kept_positions(network, units, keep_U)
    keep = torch.cat([keep_U.bool().cpu(), torch.ones(1, dtype=torch.bool)])
    for name in {*units.reads, *units.carries}:
        layer = network.get_submodule(name)
        width_in, width_out = (
            int(keep[place[name]].sum()) if name in place else width
            for place, width in zip((units.reads, units.carries), widths(layer), strict=True)
        )
        _shrink_tensors(layer, name, positions)
        _set_widths(layer, width_in, width_out)


def _shrink_tensors(layer: nn.Module, name: str, positions: Mapping[str, Mapping[int, Tensor]]) -> None:
    for key, value in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)):
        kept = value
        for dim, along in positions.get(f"{name}.{key}", {}).items():
            kept = kept.index_select(dim, along.nonzero().flatten().to(value.device))
        if value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last):
            kept = kept.contiguous(memory_format=torch.channels_last)
        if isinstance(value, nn.Parameter):
            kept = nn.Parameter(kept, requires_grad=value.requires_grad)
        setattr(layer, key, kept)


def _set_widths(layer: nn.Module, width_in: int, width_out: int) -> None:
    match layer:
        case Convolution():
            if is_depthwise(layer):
                width_in = width_out * layer.in_channels // layer.out_channels
                layer.groups = width_in
            layer.in_channels, layer.out_channels = width_in, width_out
        case nn.Linear():
            layer.in_features, layer.out_features = width_in, width_out
        case nn.PReLU():
            layer.num_parameters = width_out
        case nn.modules.batchnorm._NormBase():  # BatchNorm and InstanceNorm
            layer.num_features = width_out
