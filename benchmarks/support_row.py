"""What a network of the support matrix goes through, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from compress.structure.remove import is_conclusive
from exporters.measure.latency import LatencySettings

Outcome = Literal["right", "right so far", "refused", "wrong"]


@dataclass(frozen=True)
class Trial:
    """What every network goes through.

    Attributes:
        keep_macs: share of the MACs to keep.
        align: kept channels are multiples of this.
        images: that everything is compared on.
        files: whether to export, which takes most of the time; without, the outcome is "right so far" at best.
        latency: how long the two files are timed against each other.
    """

    keep_macs: float = 0.5
    align: int = 8
    images: int = 8
    files: bool = True
    latency: LatencySettings = field(
        default_factory=lambda: LatencySettings(rounds=4, min_pairs=16, min_seconds=0.5, max_seconds=20.0)
    )


@dataclass(frozen=True)
class Support:
    """What came of one network; ``None`` where it did not come that far.

    Attributes:
        name: of the network.
        image_size: in pixels.
        outcome: all is equal that has to be / the same, but the files were not compared / refused / something is not.
        reason: of what is refused or wrong.
        parameters: of the original.
        macs: of the original, for one image.
        classes: of original and pruned network.
        largest_logit: of the masked network, of any image.
        spread: largest range of a logit of the pruned network over the images: how much it tells them apart.
        masked_difference: largest difference of a logit between the masked and the pruned network.
        onnx_difference: largest difference of a logit between torch and onnxruntime, of the pruned network.
        onnx_passed: whether it is within the tolerance.
        kept_macs: share of the MACs that the pruned file has, counted in the graphs of both files.
        kept_parameters: share of the weights, likewise.
        planned_macs: of the pruned network, as the plan has it.
        pruned_macs: as counted in the graph of its file.
        aligned: whether every pruned layer's width is a multiple of the alignment.
        reload_difference: largest difference of a logit after the plan went through JSON, cut a network with other
            weights, and took the pruned one's weights strictly.
        ratio: time of the original file / time of the pruned file, batch 1, 1 thread.
        ratio_low: lower end of its 95 % interval.
        ratio_high: upper end.
        groups: of channels that can be pruned.
        not_pruned: layers whose channels all stay -> why; without the class head.
        seconds: of all this.
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


def judged(row: Support, trial: Trial) -> Support:
    """The row of a network that was not refused, with what is wrong."""
    faults = {
        "the number of classes changed": row.classes is None or len(set(row.classes)) > 1,
        "its logits hardly depend on the image: their equality proves nothing": not _is_conclusive(row),
        "a pruned layer's width is no multiple of the alignment": not row.aligned,
        "the reloaded plan gives other logits": row.reload_difference != 0,
    }
    if trial.files:
        faults["onnxruntime and torch differ"] = not row.onnx_passed
        faults["the file has other MACs than the plan"] = row.planned_macs != row.pruned_macs
    reason = "; ".join(fault for fault, is_so in faults.items() if is_so)
    right: Outcome = "right" if trial.files else "right so far"
    return replace(row, outcome="wrong" if reason else right, reason=reason)


def _is_conclusive(row: Support) -> bool:
    if row.spread is None:
        return False
    return is_conclusive(row.spread, row.masked_difference or 0.0, largest=row.largest_logit or 0.0)
