"""Prune one untrained network, export it, and compare the results.

Fresh weights would hide faults: a lost bias of 0 or layer scale of 1e-6 changes nothing, and neither does a fresh
BatchNorm. So no parameter is zero or tiny here, and BatchNorm has the statistics of the bundled images.
"""

import time
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.support_row import Support, Trial, judge
from compress.channels.budget import Prunable
from compress.data.bundle import DataBundle
from compress.errors import CheckFailedError, CompressError
from compress.networks.find import find_network
from compress.runs.decide import decide, load_decided
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.runs.tensor_files import weights_from_bytes, weights_to_bytes
from compress.settings.config import DecidedConfig, RunConfig
from compress.structure.plan import PruningPlan
from compress.structure.remove import RemovalResult, cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm
from exporters.errors import ExportError
from exporters.measure.calls import RunnableFile, compare_latency
from exporters.read.cost import count_cost
from exporters.read.logits import check_parity
from exporters.write.onnx_export import export_onnx

DEFAULT_SIZE = 64
"""Image size, in pixels, of a network that does not state one."""

_TINY = 1e-3


def examine(name: str, trial: Trial, folder: Path) -> Support:
    """Prune one network and compare.

    Args:
        name: as for ``--arch``.
        trial: settings.
        folder: for the two ONNX files.
    """
    began = time.monotonic()
    row = Support(name, find_network(name).small_size or DEFAULT_SIZE)
    try:
        _prune_and_compare(row, trial, folder)
        judge(row, trial)
    except CheckFailedError as error:
        row.outcome, row.reason = "wrong", str(error)
    except (CompressError, ExportError) as error:
        row.outcome, row.reason = "refused", str(error)
    row.seconds = round(time.monotonic() - began, 1)
    return row


def _prune_and_compare(row: Support, trial: Trial, folder: Path) -> None:
    """Fill the row step by step.

    Raises:
        CheckFailedError: the pruned network is not the masked one.
        CompressError, ExportError: the network is refused.
    """
    settings = RunConfig(
        arch=row.name, image_size=row.image_size, channels=3, keep_macs=trial.keep_macs, align=trial.align, threads=1
    )
    config, data = load_decided(decide(settings))
    network = fresh_network(config, data)
    as_if_trained(network, data)
    images = check_images(config, data)[: trial.images]
    row.parameters = sum(parameter.numel() for parameter in network.parameters())
    prunable = find_prunable(config, network, images)
    row.macs, row.groups = prunable.model.full.macs, len(prunable.units.groups)
    row.not_pruned = dict(prunable.units.not_pruned_before_head)
    keep_U = _random_state(prunable)
    removed = remove_units(network, prunable.units, keep_U, images)
    logits_BK = _logits(removed.network, images)
    row.classes = len(data.classes), logits_BK.shape[1]
    row.largest_logit = float(logits_BK.abs().max())
    row.spread = float((logits_BK.amax(0) - logits_BK.amin(0)).max())
    row.masked_difference = removed.max_abs_difference
    row.planned_macs = prunable.cost(keep_U).macs
    row.aligned = _aligned(removed, prunable, trial.align)
    reloaded_BK = _logits(_reloaded(removed, config, data, images), images)
    row.reload_difference = float((reloaded_BK - logits_BK).abs().max())
    if trial.files:
        _compare_files(row, (network, removed.network), images, trial, folder)


@torch.no_grad()
def as_if_trained(network: nn.Module, data: DataBundle) -> None:
    """Replace zero and tiny parameters, and give BatchNorm the statistics of the images; in place."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        for parameter in layer.parameters(recurse=False):
            if float(parameter.abs().max()) < _TINY:
                parameter.normal_(std=0.2, generator=generator)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.affine:
            layer.weight.uniform_(0.5, 1.5, generator=generator)
    recalibrate_batchnorm(network, data.train, batch_size=16, images=64)


def _random_state(prunable: Prunable) -> Tensor:
    """A state (bool U) at the budget, with random priorities."""
    keys_PU = torch.rand(1, prunable.units.total, generator=torch.Generator().manual_seed(0))
    return prunable.repair(keys_PU)[0]


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(images)


def _aligned(removed: RemovalResult, prunable: Prunable, align: int) -> bool:
    """Whether every pruned layer is a multiple of the alignment; narrower layers are not pruned."""
    roots = {group.root for group in prunable.units.groups}
    return all(layer.out_after % min(align, layer.out_before) == 0 for layer in removed.layers if layer.name in roots)


def _reloaded(removed: RemovalResult, config: DecidedConfig, data: DataBundle, images: Tensor) -> nn.Module:
    """A network with other weights, cut by the plan's JSON, with the pruned network's weights loaded strictly."""
    plan = PruningPlan.from_json(removed.plan.to_json())
    other = fresh_network(config.model_copy(update={"seed": config.seed + 1}), data)
    rebuilt = cut(other, plan, images[:2])
    kept = weights_to_bytes(removed.network.state_dict())
    rebuilt.load_state_dict(weights_from_bytes(kept, name="the pruned network"))
    return rebuilt


def _compare_files(
    row: Support, networks: tuple[nn.Module, nn.Module], images: Tensor, trial: Trial, folder: Path
) -> None:
    """Export the original and the pruned network; compare with torch, count and time the files."""
    shape = (images.shape[1], row.image_size, row.image_size)
    original, pruned = (
        export_onnx(network, folder / f"{label}.onnx", input_shape=shape, opset=18, metadata={}).path
        for label, network in zip(("original", "pruned"), networks, strict=True)
    )
    parity = check_parity(networks[1], pruned, [images], threads=1)
    row.onnx_difference, row.onnx_passed = parity.max_abs_difference, parity.passed
    before, after = (count_cost(file, image_size=row.image_size) for file in (original, pruned))
    row.kept_macs, row.kept_parameters = after.macs / before.macs, after.parameters / before.parameters
    row.pruned_macs = after.macs
    files = (RunnableFile(original, row.image_size), RunnableFile(pruned, row.image_size))
    timed = compare_latency(*files, batch_size=1, threads=1, settings=trial.latency)
    row.ratio, row.ratio_low, row.ratio_high = timed.ratio, timed.ratio_low, timed.ratio_high
