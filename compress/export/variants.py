"""From one float32 file to its variants: INT8, FP16, raw pixels, onnxruntime's mobile format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compress.data.bundle import Split
from compress.data.order import stratified_holdout
from compress.environment import isa
from compress.runs.file_records import FileRecord
from compress.settings.export import ExportSettings
from exporters.write.artifact import Artifact
from exporters.write.fp16 import to_float16
from exporters.write.int8 import Int8Settings, quantize_int8
from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing

_BATCH = 32
_PRODUCTS_FIT = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "neon"})


@dataclass(frozen=True)
class Base:
    """The float32 file that variants are made of, and how 8-bit pixels become its input."""

    record: FileRecord
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool = False


def derive(base: Base, wanted: ExportSettings, calibration: Split | None, folder: Path) -> list[FileRecord]:
    """Write the wanted files, ``<stem>.int8.onnx``, ``.fp16.onnx``, ``.nhwc.onnx``, ``.ort``, into ``folder``.

    ``calibration`` holds the images for INT8. ExportError if a file cannot be made.
    """
    made = [_int8(base.record, calibration, folder)] if wanted.int8 else []
    whole = (base.record, *made)
    raw = [_raw_pixels(source, base, folder) for source in whole] if wanted.embed_preprocessing else []
    mobile = [(one, to_ort_format(Path(one.file), folder)) for one in (*whole, *raw)] if wanted.ort else []
    halved = [_float16(base.record, folder)] if wanted.float16 else []
    return [*made, *halved, *raw, *(_variant(one, "ort", artifact) for one, artifact in mobile)]


def _int8(source: FileRecord, calibration: Split | None, folder: Path) -> FileRecord:
    assert calibration is not None, "INT8 needs images"
    batches = (images for images, _labels in calibration.batches(_BATCH))
    target = folder / f"{Path(source.file).stem}.int8.onnx"
    artifact, facts = quantize_int8(Path(source.file), target, batches, settings=int8_settings(isa()))
    return _variant(source, "int8", artifact, precision="int8", quantization=facts)


def _float16(source: FileRecord, folder: Path) -> FileRecord:
    artifact = to_float16(Path(source.file), folder / f"{Path(source.file).stem}.fp16.onnx")
    return _variant(source, "fp16", artifact, precision="fp16")


def _raw_pixels(source: FileRecord, base: Base, folder: Path) -> FileRecord:
    target = folder / f"{Path(source.file).stem}.nhwc.onnx"
    artifact = embed_preprocessing(Path(source.file), target, mean=base.mean, std=base.std, bgr=base.bgr)
    return _variant(source, "nhwc", artifact)


def _variant(source: FileRecord, what: str, artifact: Artifact, **changes: Any) -> FileRecord:
    """The record of a file made from ``source``: of the same network, so with its MACs, parameters and epochs."""
    written = {"file": str(artifact.path), "sha256": artifact.sha256, "size_bytes": artifact.size_bytes}
    place = {"label": f"{source.label} {what}", "role": "extra", "source": source.label}
    return source.model_copy(update=written | place | {"parity": None, "denormals_flushed": None} | changes)


def int8_settings(flags: frozenset[str]) -> Int8Settings:
    """What suits a processor with these instruction sets (``environment.isa``)."""
    return Int8Settings(activations="int8" if "neon" in flags else "uint8", reduce_range=not flags & _PRODUCTS_FIT)


def representative(split: Split, *, images: int, seed: int) -> Split:
    """A random sample of about so many images, in proportion to the classes, without augmentation.

    At least one image of every class with two or more; images that are the only ones of their class fill it up.
    """
    if images >= len(split):
        return split
    _rest, chosen = stratified_holdout(split.labels, fraction=images / len(split), seed=seed)
    alone = torch.nonzero(split.labels.bincount()[split.labels] == 1).flatten()
    shuffled = alone[torch.randperm(len(alone), generator=torch.Generator().manual_seed(seed))]
    return split.subset(torch.cat([chosen, shuffled[: max(0, images - len(chosen))]]).sort().values)
