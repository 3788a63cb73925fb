"""The latency model of a run's target: timed before the run, checked and corrected once when the network is cut."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.channels.units import UnitMap
from compress.controls.one_cycle import saliency
from compress.environment import isa
from compress.errors import InterruptedRun
from compress.exporter_faults import export_faults
from compress.observer import Observer
from compress.report.figures import percent
from compress.runs.int8_files import int8_types
from compress.runs.stage_context import StageContext
from compress.settings.config import DecidedConfig
from compress.target.samples import SAMPLES, make_samples
from compress.target.table import cache_times, cached_times, of_samples, read_device_table, time_here
from compress.target.target import Target, fit_target
from exporters.int8.quantize import quantize_alike
from exporters.measure.calls import RunnableFile, compare_latency
from exporters.measure.latency import LatencySettings
from exporters.measure.layer_times import TimingLimits
from exporters.write.onnx_export import export_onnx
from exporters.write.scratch import scratch_folder

SECONDS: Final = 0.8
"""Of timing for each sample, at least."""

NOISY: Final = 0.1
"""A latency model with a larger median error is of a machine that was busy: it is not kept for other runs."""

_CALIBRATION: Final = 16  # images: the ranges that they give do not change the time


def find_target(
    config: DecidedConfig,
    network: nn.Module,
    prunable: Prunable,
    images: Tensor,
    observer: Observer,
    should_stop: Callable[[], int | None],
) -> Target:
    """The latency model that a new run asks for: from its table, or timed on this machine.

    ``images`` are a batch (B, C, H, W). BadInputError for a table of another network or precision, or a network that
    INT8 is not made of.
    """

    def progress(done: int) -> None:
        observer.step(done, images=0, values={})
        if (signal_number := should_stop()) is not None:
            raise InterruptedRun("stopped while the layers were timed", signal_number=signal_number)

    given = None if config.target is None else read_device_table(config.target, int8=config.target_int8)
    processor = "here" if given is None else given.int8_for
    with export_faults():
        types = int8_types(processor, isa()) if config.target_int8 else None
        samples = make_samples(network, prunable, images[:2], opset=config.opset, count=SAMPLES, int8=types)
        if given is not None:
            return fit_target(samples, of_samples(given, samples, source=config.target), prunable.model, device=True)
        batch_size, threads = config.target_setting
        limits = TimingLimits(batch_size=batch_size, threads=threads, seconds=SECONDS)
        table = cached_times(samples, limits)
        if table is not None:
            return fit_target(samples, table, prunable.model, device=False)
        observer.stage("latency model", index=1, count=1, steps=len(samples.files))
        table = time_here(samples, limits, progress=progress)
        target = fit_target(samples, table, prunable.model, device=False)
    if target.facts.error_median <= NOISY:
        cache_times(samples, limits, table)
    else:
        observer.note(
            f"the latency model is off by {percent(target.facts.error_median)} in the median, as other programs were "
            "running while layers were timed; the cut network is timed again, and cut once more if it is too slow"
        )
    return target


@dataclass(frozen=True)
class LatencyCheck:
    """The cut network before fine-tuning, timed against the original: how many times as fast it is.

    ``asked`` is the target's speed-up, ``predicted`` the model's, ``ratio`` measured with its 95 % interval. ``share``
    is the share of the whole network's milliseconds that it was cut to; ``corrected_share`` the one it was cut to
    again, by a model corrected to what was measured, or ``None``.
    """

    asked: float
    predicted: float
    ratio: float
    ratio_low: float
    ratio_high: float
    share: float
    corrected_share: float | None


def check_latency(
    context: StageContext, whole: nn.Module, smaller: nn.Module, prunable: Prunable, keep_U: Tensor
) -> LatencyCheck:
    """Time a cut network in the target's precision against the whole one in float32, at its batch and threads.

    It missed its target if the whole interval is slower; then the share is divided by how much slower than predicted
    it is.
    """
    share = prunable.budget.latency
    assert share is not None
    full_ms, cut_ms = float(prunable.model.full_M[2]), prunable.cost(keep_U).milliseconds
    assert cut_ms is not None
    config = context.config
    batch_size, threads = config.target_setting
    with export_faults(), scratch_folder() as folder:
        files = _files(context, (whole, smaller), folder)
        found = compare_latency(
            *map(RunnableFile, files),
            batch_size=batch_size,
            threads=threads,
            settings=LatencySettings(seed=config.seed),
        )
    asked, predicted = (prunable.original_ms / ms for ms in (full_ms * share, cut_ms))
    corrected = share * found.ratio / predicted if found.ratio_high < asked else None
    return LatencyCheck(asked, predicted, found.ratio, found.ratio_low, found.ratio_high, share, corrected)


def _files(context: StageContext, networks: tuple[nn.Module, nn.Module], folder: Path) -> tuple[Path, Path]:
    """The whole network in float32, and the smaller one in the target's precision."""
    shown, files = context.data.preprocessing, (folder / "whole.onnx", folder / "smaller.onnx")
    shape = (shown.channels, shown.image_size, shown.image_size)
    for network, file in zip(networks, files, strict=True):
        export_onnx(network, file, input_shape=shape, opset=context.config.opset, metadata={})
    whole, smaller = files
    if not context.config.target_int8:
        return files
    images, _labels = next(iter(context.data.train.batches(_CALIBRATION)))
    int8 = folder / "smaller.int8.onnx"
    quantize_alike(smaller, int8, images.numpy(), types=int8_types("here", isa()), whole=whole)
    return whole, int8


def cut_again(
    network: nn.Module, keep_U: Tensor, prunable: Prunable, share: float, *, keys_U: Tensor | None = None
) -> Tensor | None:
    """The state within a smaller share of the milliseconds, bool U; ``None`` if no network is so fast.

    Of the units that were kept, those of lowest priority ``keys_U`` (float U) go. Without priorities every group loses
    about the same share of them, the units of smallest norm. No other unit comes before those that were kept.
    """
    tighter = replace(prunable, budget=replace(prunable.budget, latency=share))
    if not tighter.reaches():
        return None
    if keys_U is None:
        keys_U = _even_keys(saliency(network, prunable.units), keep_U, prunable.units)
    else:  # dropped units were not trained lately
        keys_U = torch.where(keep_U, keys_U, keys_U - (keys_U.max() - keys_U.min() + 1))
    return tighter.repair(keys_U.unsqueeze(0))[0]


def _even_keys(norms_U: Tensor, keep_U: Tensor, units: UnitMap) -> Tensor:
    """Keys for a common threshold that keeps the same share of what each group had kept: above 0 for these units."""
    keys_U = torch.empty(units.total)
    for group in units.groups:
        norms, kept = norms_U[group.units], keep_U[group.units]
        for chosen, last in ((kept, 1.0), (~kept, 0.0)):
            ranks = norms[chosen].argsort(stable=True).argsort()
            part = (ranks + 1) / max(len(ranks), 1) + last - 1.0
            keys_U[group.units][chosen] = part.to(keys_U.dtype)
    return keys_U
