"""From one float32 file to its variants: INT8, FP16, raw pixels, onnxruntime's mobile format."""

from dataclasses import dataclass
from pathlib import Path

from compress.runs.file_records import FileRecord
from compress.runs.int8_files import Int8Maker
from compress.settings.export import ExportSettings
from exporters.write.fp16 import to_float16
from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing


@dataclass(frozen=True)
class Base:
    """The float32 file that variants are made of, and how 8-bit pixels become its input."""

    record: FileRecord
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool = False


def derive(base: Base, wanted: ExportSettings, int8: Int8Maker | None, folder: Path) -> list[FileRecord]:
    """Write the wanted files, ``<stem>.int8.onnx``, ``.fp16.onnx``, ``.nhwc.onnx``, ``.ort``, into ``folder``.

    ``int8`` makes the INT8 file, if one is wanted. ExportError if a file cannot be made.
    """
    made = []
    if wanted.int8:
        assert int8 is not None, "INT8 needs images"
        made = [int8.record(base.record, folder)]
    whole = (base.record, *made)
    raw = [_raw_pixels(source, base, folder) for source in whole] if wanted.embed_preprocessing else []
    mobile = [(one, to_ort_format(Path(one.file), folder)) for one in (*whole, *raw)] if wanted.ort else []
    halved = [_float16(base.record, folder)] if wanted.float16 else []
    return [*made, *halved, *raw, *(one.variant("ort", artifact) for one, artifact in mobile)]


def _float16(source: FileRecord, folder: Path) -> FileRecord:
    artifact = to_float16(Path(source.file), folder / f"{Path(source.file).stem}.fp16.onnx")
    return source.variant("fp16", artifact, precision="fp16")


def _raw_pixels(source: FileRecord, base: Base, folder: Path) -> FileRecord:
    target = folder / f"{Path(source.file).stem}.nhwc.onnx"
    artifact = embed_preprocessing(Path(source.file), target, mean=base.mean, std=base.std, bgr=base.bgr)
    return source.variant("nhwc", artifact)
