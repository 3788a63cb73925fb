"""The settings and the result of one network of the support matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from compress.structure.remove import is_conclusive
from exporters.measure.latency import LatencySettings

Outcome = Literal["right", "right so far", "refused", "wrong"]


@dataclass(frozen=True)
class Trial:
    """The settings for every network.

    Attributes:
        keep_macs: share of the MACs to keep.
        align: kept channels are multiples of this.
        images: number of images on which everything is compared.
        files: whether to export, which takes most of the time; without it the outcome is "right so far" at best.
        latency: how long the two files are compared.
    """

    keep_macs: float = 0.5
    align: int = 8
    images: int = 8
    files: bool = True
    latency: LatencySettings = field(
        default_factory=lambda: LatencySettings(rounds=4, min_pairs=16, min_seconds=0.5, max_seconds=20.0)
    )


@dataclass
class Support:
    """The result of one network, filled step by step; ``None`` if a step was not reached.

    Attributes:
        name: of the network.
        image_size: in pixels.
        outcome: "right" if all checks pass; "right so far" if they pass without the files.
        reason: why it is refused or wrong.
        parameters: of the original.
        macs: of the original, for one image.
        classes: of original and pruned network.
        largest_logit: of the pruned network, over all images.
        spread: largest range of a logit of the pruned network over the images.
        masked_difference: largest difference of a logit between the masked and the pruned network.
        onnx_difference: largest difference of a logit between torch and onnxruntime, of the pruned network.
        onnx_passed: whether that is within the tolerance.
        kept_macs: MACs of the pruned file as a share of the original file's, counted in their graphs.
        kept_parameters: the same for the weights.
        planned_macs: of the pruned network, according to the plan.
        pruned_macs: as counted in the graph of its file.
        aligned: whether every pruned layer's width is a multiple of the alignment.
        reload_difference: largest difference of a logit between the pruned network and one that was rebuilt from the
            plan's JSON and its weights.
        ratio: time of the original file / time of the pruned file, batch 1, 1 thread.
        ratio_low: lower end of its 95 % interval.
        ratio_high: upper end.
        groups: of channels that can be pruned.
        not_pruned: layers that are not pruned -> why; without the class head.
        seconds: total duration.
    """

    name: str
    image_size: int
    outcome: Outcome = "right"
    reason: str = ""
    parameters: int | None = None
    macs: int | None = None
    classes: tuple[int, int] | None = None
    largest_logit: float | None = None
    spread: float | None = None
    masked_difference: float | None = None
    onnx_difference: float | None = None
    onnx_passed: bool | None = None
    kept_macs: float | None = None
    kept_parameters: float | None = None
    planned_macs: int | None = None
    pruned_macs: int | None = None
    aligned: bool | None = None
    reload_difference: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    groups: int | None = None
    not_pruned: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


def judge(row: Support, trial: Trial) -> None:
    """Set the outcome of a network that was not refused."""
    faults = {
        "the number of classes changed": row.classes is None or len(set(row.classes)) > 1,
        "its logits hardly depend on the image: their equality proves nothing": not _is_conclusive(row),
        "a pruned layer's width is no multiple of the alignment": not row.aligned,
        "the reloaded plan gives other logits": row.reload_difference != 0,
    }
    if trial.files:
        faults["onnxruntime and torch differ"] = not row.onnx_passed
        faults["the file has other MACs than the plan"] = row.planned_macs != row.pruned_macs
    reason = "; ".join(fault for fault, is_present in faults.items() if is_present)
    row.reason = reason
    row.outcome = "wrong" if reason else "right" if trial.files else "right so far"


def _is_conclusive(row: Support) -> bool:
    if row.spread is None:
        return False
    return is_conclusive(row.spread, row.masked_difference or 0.0, largest=row.largest_logit or 0.0)
