"""Files that answer no better than chance, where the file they were made from does: a quantisation that failed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from compress.data.bundle import Split
from compress.environment import isa, usable_cores
from compress.report.int8_tables import for_arm_note, is_for_arm
from compress.report.results import Rate
from compress.runs.file_records import FileRecord
from compress.verdict.accuracy import rate_of
from exporters.read.logits import predict_logits

TEST_IMAGES: Final = 512
"""For Top-1 of a new INT8 file: enough to notice that it is no better than chance."""

_BATCH: Final = 32


def chance_note(name: str, top1: Rate, source: str, source_top1: Rate, labels: Tensor | np.ndarray) -> tuple[str, ...]:
    """A note where a file's Top-1 cannot be told from chance and its source's can, on images of these classes [N].

    Chance is the share of the most frequent class: what a file is right on that always answers the same.
    """
    labels_N = np.asarray(labels)
    chance = float(np.bincount(labels_N).max() / len(labels_N))
    if not top1.low <= chance < source_top1.low:
        return ()
    return (
        f"{name} is no better than chance: Top-1 {top1.value:.1%} on {len(labels_N):,} images, always the same answer "
        f"gives {chance:.1%}, {source} {source_top1.value:.1%}",
    )


def int8_notes(made: Sequence[FileRecord], test: Split) -> list[str]:
    """Top-1 of each new INT8 file beside that of its float32 source, which is among ``made`` or beside it, as a note.

    Files for another processor are not judged on this one.

    ``test`` has images as the float32 files take them.
    """
    notes: list[str] = []
    for one in made:
        if not one.name.endswith(".int8.onnx"):
            continue
        if is_for_arm(one.quantization, isa()):
            notes.append(for_arm_note(one.name))
            continue
        source = Path(one.file).with_name(one.name.removesuffix(".int8.onnx") + ".onnx")
        before, after = (_top1(path, test) for path in (source, Path(one.file)))
        failed = chance_note(one.name, after, source.name, before, test.labels)
        notes += [f"{note}; try more --calibration-images, or --fp16" for note in failed] or [
            f"{one.name}: Top-1 {after.value:.1%} on {after.images:,} test images, {source.name} {before.value:.1%}"
        ]
    return notes


def _top1(path: Path, test: Split) -> Rate:
    batches = (images for images, _labels in test.batches(_BATCH))
    answers_N = predict_logits(path, batches, threads=usable_cores()).argmax(axis=1)
    return rate_of(int((answers_N == test.labels.numpy()).sum()), len(answers_N))
