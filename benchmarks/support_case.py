"""One network through the whole of pruning, untrained: what stays equal, what is kept, what is refused.

Fresh weights as they are would hide faults: a bias of 0 or a layer scale of 1e-6 is not missed where it is
lost, and BatchNorm that has seen nothing changes nothing. So nothing is zero or tiny here, and BatchNorm's
statistics are those of the bundled images, on which everything is compared.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.support_row import Support, Trial, judged
from compress.channels.budget import Prunable, repair
from compress.data.bundle import DataBundle
from compress.errors import CheckFailedError, CompressError
from compress.networks.find import find_network
from compress.runs.bench import check_images, fresh_network, study
from compress.runs.decide import decide, load_decided
from compress.runs.tensors import from_bytes, to_bytes
from compress.settings.config import DecidedConfig, RunConfig
from compress.structure.plan import PruningPlan
from compress.structure.remove import RemovalResult, cut, remove_units
from compress.training.evaluate import recalibrate_batchnorm
from exporters.errors import ExportError
from exporters.measure.calls import RunnableFile
from exporters.measure.latency import compare_latency
from exporters.read.cost import count_cost
from exporters.read.parity import check_parity
from exporters.write.onnx_export import export_onnx

DEFAULT_SIZE = 64
"""Pixels of the images for a network that does not say what it takes."""

_TINY = 1e-3


def examine(name: str, trial: Trial, folder: Path) -> Support:
    """Prune one network and compare.

    Args:
        name: as for ``--arch``.
        trial: what it goes through.
        folder: where its two ONNX files are written.
    """
    began = time.monotonic()
    row = Support(name, find_network(name).small_size or DEFAULT_SIZE)
    try:
        for further in _steps(row, trial, folder):
            row = further
        row = judged(row, trial)
    except CheckFailedError as error:
        row = replace(row, outcome="wrong", reason=str(error))
    except (CompressError, ExportError) as error:
        row = replace(row, outcome="refused", reason=str(error))
    return replace(row, seconds=round(time.monotonic() - began, 1))


def _steps(row: Support, trial: Trial, folder: Path) -> Iterator[Support]:
    """The row, more complete after every step.

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
    yield (row := replace(row, parameters=sum(parameter.numel() for parameter in network.parameters())))
    prunable = study(config, network, images)
    yield (row := _with_units(row, prunable))
    keep_U = _random_state(prunable)
    removed = remove_units(network, prunable.units, keep_U, images)
    logits_BK = _logits(removed.network, images)
    row = replace(
        row,
        classes=(len(data.classes), logits_BK.shape[1]),
        largest_logit=float(logits_BK.abs().max()),
        spread=float((logits_BK.amax(0) - logits_BK.amin(0)).max()),
        masked_difference=removed.max_abs_difference,
        planned_macs=prunable.model.cost(prunable.units.counts(keep_U.unsqueeze(0))[0]).macs,
        aligned=_aligned(removed, prunable, trial.align),
    )
    yield row
    reloaded_BK = _logits(_reloaded(removed, config, data, images), images)
    yield (row := replace(row, reload_difference=float((reloaded_BK - logits_BK).abs().max())))
    if not trial.files:
        return
    yield from _compare_files(row, (network, removed.network), images, trial, folder)


@torch.no_grad()
def as_if_trained(network: nn.Module, data: DataBundle) -> None:
    """Give a fresh network weights that are nowhere zero or tiny, and BatchNorm the statistics of images, in place."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        for parameter in layer.parameters(recurse=False):
            if float(parameter.abs().max()) < _TINY:
                parameter.normal_(std=0.2, generator=generator)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.affine:
            layer.weight.uniform_(0.5, 1.5, generator=generator)
    recalibrate_batchnorm(network, data.train, batch_size=16, images=64)


def _with_units(row: Support, prunable: Prunable) -> Support:
    return replace(
        row,
        macs=prunable.model.full.macs,
        groups=len(prunable.units.groups),
        not_pruned=dict(prunable.units.not_pruned_before_head),
    )


def _random_state(prunable: Prunable) -> Tensor:
    """A state (bool U) at the budget, with random priorities."""
    limits = prunable.budget.limits(prunable.model)
    keys_PU = torch.rand(1, prunable.units.total, generator=torch.Generator().manual_seed(0))
    return repair(keys_PU, prunable.units, prunable.model, prunable.counts, limits)[0]


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(images)


def _aligned(removed: RemovalResult, prunable: Prunable, align: int) -> bool:
    """Judged by the layers of the pruned network; a layer narrower than the alignment is not pruned."""
    roots = {group.root for group in prunable.units.groups}
    return all(layer.out_after % min(align, layer.out_before) == 0 for layer in removed.layers if layer.name in roots)


def _reloaded(removed: RemovalResult, config: DecidedConfig, data: DataBundle, images: Tensor) -> nn.Module:
    """A network with other weights, cut by the plan's JSON, takes the pruned one's weights strictly."""
    plan = PruningPlan.from_json(removed.plan.to_json())
    other = fresh_network(config.model_copy(update={"seed": config.seed + 1}), data)
    rebuilt = cut(other, plan, images[:2])
    rebuilt.load_state_dict(from_bytes(to_bytes(removed.network.state_dict()), name="the pruned network"))
    return rebuilt


def _compare_files(
    row: Support, networks: tuple[nn.Module, nn.Module], images: Tensor, trial: Trial, folder: Path
) -> Iterator[Support]:
    """Original and pruned network as files: equality with torch, costs, time."""
    shape = (images.shape[1], row.image_size, row.image_size)
    original, pruned = (
        export_onnx(network, folder / f"{label}.onnx", input_shape=shape, opset=18, metadata={}).path
        for label, network in zip(("original", "pruned"), networks, strict=True)
    )
    parity = check_parity(networks[1], pruned, [images], threads=1)
    row = replace(row, onnx_difference=parity.max_abs_difference, onnx_passed=parity.passed)
    yield row
    before, after = (count_cost(file, image_size=row.image_size) for file in (original, pruned))
    row = replace(
        row,
        kept_macs=after.macs / before.macs,
        kept_parameters=after.parameters / before.parameters,
        pruned_macs=after.macs,
    )
    yield row
    files = (RunnableFile(original, row.image_size), RunnableFile(pruned, row.image_size))
    timed = compare_latency(*files, batch_size=1, threads=1, settings=trial.latency)
    yield replace(row, ratio=timed.ratio, ratio_low=timed.ratio_low, ratio_high=timed.ratio_high)
