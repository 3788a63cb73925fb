"""Rehearsal: train a step, cut, export and load once before the run, so that what cannot work fails in seconds."""

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.costs import products_per_image
from compress.data.bundle import DataBundle, Order
from compress.edropout.population import never_empty
from compress.errors import CheckFailedError, UsageError
from compress.exporter_faults import export_faults
from compress.networks.examine import allowed_difference
from compress.run.search import check_method
from compress.run.training_stages import given_notes, load_checked
from compress.runs.decide import decide_start, decide_training
from compress.runs.network_files import macs_note, prove_parity
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.runs.tensor_files import state_to_bytes, weights_from_bytes, weights_to_bytes
from compress.settings.config import DecidedConfig
from compress.structure.plan import state_from_plan
from compress.structure.remove import RemovalResult, check_trains, cut, logits_of, remove_units
from compress.tracing.forward_pass import running
from compress.training.epochs import Epochs
from compress.training.load_weights import LoadedWeights
from compress.training.objective import Objective
from compress.training.recipe import PAPER, choose_recipe
from compress.training.weights import WeightSettings, WeightTraining
from exporters.errors import ExportError
from exporters.module_copy import copy_module
from exporters.read.cost import LayerCost, count_cost
from exporters.write.onnx_export import OPSETS, check_size, export_onnx
from exporters.write.scratch import scratch_folder
from models_zoo.zoo import ALIASES, ARCHITECTURES

IMAGES = 8
SHOWN = 5


@dataclass(frozen=True)
class Rehearsal:
    """The network as the run begins, what can be pruned, the largest difference of logits after a random cut.

    ``config``: the run's settings, with those of training decided for this network.
    """

    config: DecidedConfig
    network: nn.Module
    prunable: Prunable
    difference: float
    weights_notes: tuple[str, ...]  # the run's baseline gives them, too
    file_notes: tuple[str, ...]  # on the network's ONNX file


def rehearse(config: DecidedConfig, data: DataBundle, *, resumed: bool = False) -> Rehearsal:
    """Do what can fail before there is a run folder, so that a fault leaves none behind.

    A resumed run has read the user's weights and plan, and has tried to train and to export, already. So have networks
    that are known to export.
    """
    network, images = fresh_network(config, data), check_images(config, data)
    check_fits_a_file(config, network)
    given = LoadedWeights() if resumed else load_checked(config, data, network)
    config = decide_training(config, network, trained=config.weights is not None and not given.fresh_head)
    if config.weights is not None and not resumed:
        config = decide_start(config, fresh_head=bool(given.fresh_head))
    prunable = find_prunable(config, network, images)
    if not resumed and not (config.has_target and config.plan):  # a plan's counts are those of the latency model
        check_method(config, data, network, prunable)
    removed = rehearse_cut(prunable, network, images[:IMAGES], seed=config.seed)
    file_notes: tuple[str, ...] = ()
    if not resumed and not is_known_to_export(config):
        file_notes = rehearse_export(config, network, images, macs=prunable.model.full.macs)
        rehearse_training(config, network, data)
        rehearse_loading(fresh_network(config, data), removed, images[:IMAGES])
        macs = prunable.cost(state_from_plan(prunable.units, removed.plan)).macs
        rehearse_export(config, removed.network, images, macs=macs, what="the pruned network")
    return Rehearsal(config, network, prunable, removed.max_abs_difference, given_notes(config, given), file_notes)


def check_fits_a_file(config: DecidedConfig, network: nn.Module) -> None:
    """Raise UsageError if the weights are more than one ONNX file can hold."""
    try:
        check_size(network)
    except ExportError as error:
        raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from None


def is_known_to_export(config: DecidedConfig) -> bool:
    """Whether docs/support.md has the network's file, in the operator set that needs no conversion."""
    return config.arch in ARCHITECTURES.keys() | ALIASES.keys() and config.opset == OPSETS[0]


def rehearse_training(config: DecidedConfig, network: nn.Module, data: DataBundle) -> None:
    """Train a copy for a step of the run on its own images, and write the state that a stopped run goes on from.

    UsageError if that cannot be saved; what the user's own code raises in training has come up before.
    """
    order = Order(seed=config.seed, epoch=0)
    images, labels = next(iter(data.train.batches(config.batch_size, order=order)))
    recipe = PAPER if config.preset == "paper" else choose_recipe(network, config)
    with torch.random.fork_rng(), running(f"{config.arch} cannot be trained", UsageError):
        settings = WeightSettings(Objective(recipe), Epochs.all(1), steps_per_epoch=1, batch_size=config.batch_size)
        training = WeightTraining(copy_module(network), data.val, settings)
        training.step(images.to(config.device), labels.to(config.device))
        state_to_bytes(training.state_dict())


def rehearse_loading(fresh: nn.Module, removed: RemovalResult, images: Tensor) -> None:
    """Cut a freshly built network by the plan and load the smaller network's weights, as a later command does.

    UsageError if the weights do not fit, or the loaded network answers otherwise. ``fresh`` is changed.
    """
    with running("the pruned network cannot be built again from its saved weights", UsageError):
        again = cut(fresh.eval(), removed.plan, torch.zeros_like(images[:2]))
        again.load_state_dict(weights_from_bytes(weights_to_bytes(removed.network.state_dict()), name="weights"))
        expected, got = logits_of(removed.network, images), logits_of(again, images)
    allowed = allowed_difference(expected)
    if not torch.allclose(expected, got, rtol=0, atol=allowed):
        raise UsageError(
            f"the pruned network, built again from its saved weights, gives logits that differ by "
            f"{float((expected - got).abs().max()):.2e} (allowed {allowed:.0e}): keep every tensor that it uses as a "
            "parameter or with register_buffer"
        )


def rehearse_cut(prunable: Prunable, network: nn.Module, images: Tensor, *, seed: int) -> RemovalResult:
    """A random cut, compared on ``images`` (B, C, H, W); the network is not changed.

    CheckFailedError if the logits differ too much, or the cut network cannot be trained for a step.
    """
    generator = torch.Generator().manual_seed(seed)
    bits = torch.rand(1, prunable.units.total, generator=generator) < 0.5
    keep = never_empty(bits, prunable.units, generator)[0]
    result = remove_units(network, prunable.units, keep, images)
    check_trains(copy_module(result.network), images)
    return result


def rehearse_export(
    config: DecidedConfig, network: nn.Module, images: Tensor, *, macs: int, what: str = ""
) -> tuple[str, ...]:
    """Export a network and compare answers on real images (B, C, H, W) and MACs for one; it is not changed.

    UsageError if it cannot be exported, or the file gives other answers, or has more MACs than ``macs``; notes where
    it has fewer. ``what`` is the network's name in messages, by default the run's.
    """
    what = what or config.arch
    _count, channels, height, width = images.shape
    with scratch_folder() as folder:
        path = folder / "network.onnx"
        try:
            with export_faults():
                export_onnx(network, path, input_shape=(channels, height, width), opset=config.opset, metadata={})
                prove_parity(network, path, images[:IMAGES].cpu(), threads=config.threads)
        except CheckFailedError as error:
            raise UsageError(f"{what} cannot become an ONNX file: {error}") from error
        cost = count_cost(path)
    if cost.uncounted:
        raise UsageError(
            f"{what}: MACs of {', '.join(cost.uncounted)} in its ONNX file cannot be counted; "
            "try a network of convolutions, linear layers and attention"
        )
    if cost.macs > macs:
        raise UsageError(
            f"{what}: expected no more MACs in its ONNX file than in torch, {macs:,}, got {cost.macs:,}: "
            f"{_unequal(cost.layers, products_per_image(network, images[:1]))}; "
            "try nn.Conv2d, nn.Linear, @ or torch.einsum for these products"
        )
    return macs_note(macs, in_file=cost.macs)


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
