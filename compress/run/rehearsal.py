"""Rehearsal: cut, train a step and export once before the run, so that what cannot work fails in seconds."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.costs import products_per_image
from compress.data.bundle import DataBundle
from compress.edropout.population import never_empty
from compress.errors import CheckFailedError, UsageError
from compress.exporter_faults import export_faults
from compress.run.search import check_method
from compress.run.training_stages import load_given
from compress.runs.decide import decide_training
from compress.runs.network_files import prove_parity
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig
from compress.structure.remove import check_trains, remove_units
from compress.training.load_weights import LoadedWeights
from exporters.errors import ExportError
from exporters.read.cost import LayerCost, count_cost
from exporters.write.onnx_export import OPSETS, check_size, export_onnx
from models_zoo.zoo import ALIASES, ARCHITECTURES

IMAGES = 8
SHOWN = 5


@dataclass(frozen=True)
class Rehearsal:
    """The network as the run begins, what can be pruned, the largest difference of logits after a random cut.

    ``config``: the run's settings, with those of training decided for this network. ``notes`` are about the weights.
    """

    config: DecidedConfig
    network: nn.Module
    prunable: Prunable
    difference: float
    notes: tuple[str, ...]


def rehearse(config: DecidedConfig, data: DataBundle, *, resumed: bool = False) -> Rehearsal:
    """Do what can fail before there is a run folder, so that a fault leaves none behind.

    A resumed run has read the user's weights and plan, and has tried to export, already.
    """
    network, images = fresh_network(config, data), check_images(config, data)
    check_fits_a_file(config, network)
    given = LoadedWeights() if resumed else load_given(config, data, network)
    config = decide_training(config, network, trained=config.weights is not None and not given.fresh_head)
    prunable = find_prunable(config, network, images)
    if not resumed:
        check_method(config, data, network, prunable)
    difference = rehearse_cut(prunable, network, images[:IMAGES], seed=config.seed)
    if not resumed and not is_known_to_export(config):
        rehearse_export(config, network, images, macs=prunable.model.full.macs)
    return Rehearsal(config, network, prunable, difference, given.notes)


def check_fits_a_file(config: DecidedConfig, network: nn.Module) -> None:
    """Raise UsageError if the weights are more than one ONNX file can hold."""
    try:
        check_size(network)
    except ExportError as error:
        raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from None


def is_known_to_export(config: DecidedConfig) -> bool:
    """Whether docs/support.md has the network's file, in the operator set that needs no conversion."""
    return config.arch in ARCHITECTURES.keys() | ALIASES.keys() and config.opset == OPSETS[0]


def rehearse_cut(prunable: Prunable, network: nn.Module, images: Tensor, *, seed: int) -> float:
    """The largest difference of logits on ``images`` (B, C, H, W) after a random cut; the network is not changed.

    CheckFailedError if it is too large, or the cut network cannot be trained for a step.
    """
    generator = torch.Generator().manual_seed(seed)
    bits = torch.rand(1, prunable.units.total, generator=generator) < 0.5
    keep = never_empty(bits, prunable.units, generator)[0]
    result = remove_units(network, prunable.units, keep, images)
    check_trains(result.network, images)
    return result.max_abs_difference


def rehearse_export(config: DecidedConfig, network: nn.Module, images: Tensor, *, macs: int) -> None:
    """Export a network and compare answers on real images (B, C, H, W) and MACs for one; it is not changed.

    UsageError if it cannot be exported, or the file gives other answers, or has other MACs than ``macs``.
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
    """Products that only one of the two counts; each is matched with one of as many MACs of the other."""
    in_torch = Counter(macs for _operator, macs in calls)
    in_file = Counter(layer.macs for layer in layers)
    nodes = [(f"{layer.operator} {layer.node}", layer.macs) for layer in layers]
    found: list[str] = []
    for side, alone, products in (("the file", in_file - in_torch, nodes), ("torch", in_torch - in_file, calls)):
        names = [f"{name} ({macs:,})" for name, macs in products if alone[macs]]
        found += [f"only in {side} {', '.join(names[:SHOWN])}"] if names else []
    return ", ".join(found)
