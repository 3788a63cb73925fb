"""From one float32 file to its variants: INT8, FP16, raw pixels, onnxruntime's mobile format."""

from dataclasses import dataclass, replace
from pathlib import Path

from compress.data.bundle import Split
from compress.data.order import stratified_holdout
from compress.environment import isa
from compress.errors import UsageError
from compress.runs.decide import check_opset
from compress.runs.file_records import Precision
from exporters.read.parity import ParityReport
from exporters.write.artifact import OnnxArtifact
from exporters.write.fp16 import to_float16
from exporters.write.int8 import Int8Settings, Quantization, quantize_int8
from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing

CALIBRATION_IMAGES = 512
"""Training images read for INT8 by default: from 32 to 2,048 SqueezeNet's Top-1 was the same within 0.2 points."""

_BATCH = 32
_PRODUCTS_FIT = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "neon"})


@dataclass(frozen=True)
class Wanted:
    """Which files shall be made.

    Attributes:
        int8: static quantisation.
        float16: weights stored in float16.
        preprocessing: uint8 NHWC images in; of the float32 file and of the INT8 file.
        ort: onnxruntime's mobile format; of the float32 file, the INT8 file, and those with preprocessing.
        opset: operator set of a float32 file made anew, from which the others are made.
        calibration_images: training images to read for INT8, about as many of every class.
    """

    int8: bool = False
    float16: bool = False
    preprocessing: bool = False
    ort: bool = False
    opset: int | None = None
    calibration_images: int = CALIBRATION_IMAGES

    def __post_init__(self) -> None:
        """Refuse what no file can be made of."""
        if self.opset is not None:
            check_opset(self.opset)
        if self.calibration_images < 1:
            raise UsageError(f"expected at least 1 calibration image, got {self.calibration_images}")

    @property
    def anything(self) -> bool:
        """Whether there is something to make."""
        return self.int8 or self.float16 or self.preprocessing or self.ort or self.opset is not None


@dataclass(frozen=True)
class Made:
    """A file that was made.

    Attributes:
        label: "pruned int8"; of the source, with what was done to it.
        path: where it is.
        sha256: of its bytes.
        size_bytes: of it.
        source: label of the file it was made from.
        precision: of its weights.
        quantization: for INT8.
        operators: of an ``.ort`` file, the list of operators beside it; such a file has no row in the report.
        parity: of a file made from the module, against it.
        denormals_flushed: of such a file, weights set to 0.
    """

    label: str
    path: Path
    sha256: str
    size_bytes: int
    source: str
    precision: Precision
    quantization: Quantization | None = None
    operators: Path | None = None
    parity: ParityReport | None = None
    denormals_flushed: int | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files on disk."""
        return (self.path,) if self.operators is None else (self.path, self.operators)

    def moved_to(self, folder: Path) -> "Made":
        """The same, after its files went to another folder."""
        operators = None if self.operators is None else folder / self.operators.name
        return replace(self, path=folder / self.path.name, operators=operators)


@dataclass(frozen=True)
class Base:
    """The float32 file that variants are made of, and how 8-bit pixels become its input."""

    label: str
    path: Path
    mean: tuple[float, ...]
    std: tuple[float, ...]


def derive(base: Base, wanted: Wanted, calibration: Split | None, folder: Path) -> list[Made]:
    """Make the files that are wanted of one float32 file, in ``folder``, in the order of their making.

    Args:
        base: what they are made of.
        wanted: which ones.
        calibration: images for INT8; ``None`` is fine without it.
        folder: where to write ``<stem>.int8.onnx``, ``.fp16.onnx``, ``.nhwc.onnx``, ``.ort``.

    Raises:
        ExportError: a file cannot be made.
    """
    float32 = Made(base.label, base.path, sha256="", size_bytes=0, source=base.label, precision="fp32")
    made = [_int8(base, calibration, folder)] if wanted.int8 else []
    raw = [_raw_pixels(source, base, folder) for source in (float32, *made)] if wanted.preprocessing else []
    mobile = [_mobile(source, folder) for source in (float32, *made, *raw)] if wanted.ort else []
    halved = [_float16(base, folder)] if wanted.float16 else []
    return [*made, *halved, *raw, *mobile]


def _int8(base: Base, calibration: Split | None, folder: Path) -> Made:
    assert calibration is not None, "INT8 needs images"
    batches = (images for images, _labels in calibration.batches(_BATCH))
    target = folder / f"{base.path.stem}.int8.onnx"
    artifact, facts = quantize_int8(base.path, target, batches, settings=int8_settings(isa()))
    return made_of(f"{base.label} int8", artifact, source=base.label, precision="int8", quantization=facts)


def _float16(base: Base, folder: Path) -> Made:
    artifact = to_float16(base.path, folder / f"{base.path.stem}.fp16.onnx")
    return made_of(f"{base.label} fp16", artifact, source=base.label, precision="fp16")


def _raw_pixels(source: Made, base: Base, folder: Path) -> Made:
    target = folder / f"{source.path.stem}.nhwc.onnx"
    artifact = embed_preprocessing(source.path, target, mean=base.mean, std=base.std)
    return made_of(
        f"{source.label} nhwc",
        artifact,
        source=source.label,
        precision=source.precision,
        quantization=source.quantization,
    )


def _mobile(source: Made, folder: Path) -> Made:
    artifact = to_ort_format(source.path, folder)
    return replace(
        source,
        label=f"{source.label} ort",
        path=artifact.path,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        source=source.label,
        operators=artifact.operators_config,
    )


def made_of(
    label: str, artifact: OnnxArtifact, *, source: str, precision: Precision, quantization: Quantization | None = None
) -> Made:
    """An ONNX file that was made, by what is known of it."""
    return Made(label, artifact.path, artifact.sha256, artifact.size_bytes, source, precision, quantization)


def int8_settings(flags: frozenset[str]) -> Int8Settings:
    """What suits a processor with these instruction sets (``environment.isa``)."""
    return Int8Settings(
        activations="int8" if "neon" in flags else "uint8",
        reduce_range=not flags & _PRODUCTS_FIT,
    )


def calibration_split(train: Split, *, images: int, seed: int) -> Split:
    """A random sample of the training images, in proportion to the classes, read without augmentation.

    Args:
        train: the training split.
        images: about how many; at least one of every class with two or more, at most all.
        seed: which ones.
    """
    if images >= len(train):
        return train
    _rest, chosen = stratified_holdout(train.labels, fraction=images / len(train), seed=seed)
    return train.subset(chosen)
