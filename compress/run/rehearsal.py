"""Rehearsal: cut, train a step and export once before the run, so that what cannot work fails in seconds."""

import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.costs import products_per_image
from compress.edropout.population import never_empty
from compress.errors import CheckFailedError, UsageError
from compress.exporter_faults import export_faults
from compress.runs.parity import prove_parity
from compress.settings.config import DecidedConfig
from compress.structure.remove import check_trains, remove_units
from exporters.errors import ExportError
from exporters.read.cost import LayerCost, count_cost
from exporters.write.onnx_export import check_size, export_onnx

IMAGES = 8
SHOWN = 5


def check_fits_a_file(config: DecidedConfig, network: nn.Module) -> None:
    """Raise UsageError where the weights are more than one ONNX file can hold."""
    try:
        check_size(network)
    except ExportError as error:
        raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from None


def rehearse_export(config: DecidedConfig, network: nn.Module, images: Tensor, *, macs: int) -> None:
    """Export a network with fresh weights, ask both what they answer, and count both.

    Args:
        config: decided settings.
        network: left as it was.
        images: real ones (B, C, H, W).
        macs: of the network, for one image, as counted in its layers.

    Raises:
        UsageError: it cannot be exported, or the file answers otherwise than the network, or has other MACs.
    """
    _count, channels, height, width = images.shape
    with tempfile.TemporaryDirectory(prefix="compress-rehearsal-") as folder:
        path = Path(folder) / "network.onnx"
        try:
            with export_faults():
                export_onnx(network, path, input_shape=(channels, height, width), opset=config.opset, metadata={})
                prove_parity(network, path, images[:IMAGES].cpu(), threads=config.threads)
        except CheckFailedError as error:
            raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from error
        cost = count_cost(path)
    if cost.uncounted:
        raise UsageError(
            f"{config.arch}: MACs of {', '.join(cost.uncounted)} in its ONNX file cannot be counted; "
            "try a network of convolutions, linear layers and attention"
        )
    if cost.macs != macs:
        raise UsageError(
            f"{config.arch}: expected as many MACs in its ONNX file as in torch, {macs:,}, got {cost.macs:,}: "
            f"{_unequal(cost.layers, products_per_image(network, images[:1]))}; "
            "try nn.Conv2d, nn.Linear, @ or torch.einsum for these products"
        )


def _unequal(layers: tuple[LayerCost, ...], calls: list[tuple[str, int]]) -> str:
    """Which products only one of the two counts, each matched with one of as many MACs of the other."""
    in_torch = Counter(macs for _operator, macs in calls)
    in_file = Counter(layer.macs for layer in layers)
    sides = (
        ("only in the file", in_file - in_torch, [(f"{layer.operator} {layer.node}", layer.macs) for layer in layers]),
        ("only in torch", in_torch - in_file, calls),
    )
    found = [
        (side, [f"{name} ({macs:,})" for name, macs in products if alone[macs]]) for side, alone, products in sides
    ]
    return ", ".join(f"{side} {', '.join(names[:SHOWN])}" for side, names in found if names)


def rehearse(prunable: Prunable, network: nn.Module, images: Tensor, *, seed: int) -> float:
    """Cut a random state before anything is trained, and train it a step: what cannot be done fails in seconds.

    Returns:
        The largest difference of logits between masked and smaller network.

    Raises:
        CheckFailedError: they differ, or the cut network does not run or cannot be trained.
    """
    generator = torch.Generator().manual_seed(seed)
    bits = torch.rand(1, prunable.units.total, generator=generator) < 0.5
    keep = never_empty(bits, prunable.units, generator)[0]
    result = remove_units(network, prunable.units, keep, images[:8])
    check_trains(result.network, images[:8])
    return result.max_abs_difference
