"""INT8: static quantisation to QDQ, per channel, calibrated on training images.

Ranges are the smallest and largest value seen (min-max). With min-max, moving average, percentile and
entropy SqueezeNet's Top-1 was the same within 0.2 points on 4,000 test images; min-max comes nearest the
float32 logits (as near as entropy) and keeps no histogram. Signed activations took five times as long
as unsigned ones on an x86 processor; one scale for a layer's weights saved 1 % of the time.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from exporters.errors import ExportError, kind_of, reason_of
from exporters.read.onnx_file import read_onnx
from exporters.write import int8_graph
from exporters.write.artifact import Artifact, metadata_of, write_model
from exporters.write.scratch import scratch_folder

logging.getLogger("onnxruntime.quantization").setLevel(logging.CRITICAL)  # it logs what it also raises
_QUANTIZED = (
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "LeakyRelu", "MatMul",
    "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Sigmoid", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip


@dataclass(frozen=True)
class Quantization:
    """How an INT8 file was made.

    ``calibration`` is the rule that set the activations' ranges; ``per_channel``: each output channel's weights have
    a scale of their own; ``float_layers`` stayed in float32, by the names of their weights.
    """

    scheme: str
    calibration: str
    calibration_images: int
    per_channel: bool
    weights: str
    activations: str
    reduced_range: bool
    float_layers: tuple[str, ...]


@dataclass(frozen=True)
class Int8Settings:
    """Types for a kind of processor: x86 is fastest with uint8 activations, ARM with int8.

    ``reduce_range``: weights in 7 bits, for x86 processors whose 8-bit products overflow (AVX2 without VNNI).
    """

    activations: Literal["uint8", "int8"] = "uint8"
    reduce_range: bool = False


def quantize_int8(
    source: Path, target: Path, batches: Iterable[np.ndarray | Tensor], *, settings: Int8Settings
) -> tuple[Artifact, Quantization]:
    """Write an INT8 copy of a float32 file: same input, same output, same metadata, free batch size.

    The stem stays in float32 (see ``int8_graph.prepare_stem``), and so do the logits, because 256 steps
    would give different classes the same score. The same source and images give the same bytes.

    ``batches`` are calibration images as the file takes them, float32 [B, C, H, W]; they are read once.
    OnnxFileError if the source cannot be read, ExportError if it has nothing to quantise or is quantised already,
    or there are no images.
    """
    model = read_onnx(source).model
    operators = {node.op_type for node in model.graph.node}
    if not operators & set(int8_graph.WEIGHTED) or "QuantizeLinear" in operators:
        raise ExportError(
            f"expected a float32 file with a convolution or linear layer, {source} has {sorted(operators)}; "
            "try the fp32 file of the network"
        )
    reader = _Reader(model.graph.input[0].name, batches)
    quantized = _quantize(source, reader, settings)
    int8_graph.keep_logits_float(quantized)
    int8_graph.share_concat_scales(quantized)
    int8_graph.drop_unused_domains(quantized)
    artifact = write_model(quantized, target, metadata=metadata_of(model) | {"precision": '"int8"'})
    return artifact, Quantization(
        scheme="static QDQ",
        calibration="minmax",
        calibration_images=reader.images,
        per_channel=True,
        weights="int8",
        activations=settings.activations,
        reduced_range=settings.reduce_range,
        float_layers=int8_graph.float_layers(quantized.graph),
    )


def _quantize(source: Path, reader: "_Reader", settings: Int8Settings) -> ModelProto:
    with scratch_folder() as folder:
        prepared, made = folder / "prepared.onnx", folder / "made.onnx"
        try:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)  # fuses BatchNorm, infers shapes
            model = read_onnx(prepared).model
            stem = int8_graph.prepare_stem(model)
            prepared.write_bytes(model.SerializeToString(deterministic=True))
            quantize_static(
                prepared,
                made,
                reader,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTIZED),
                per_channel=True,
                reduce_range=settings.reduce_range,
                activation_type=QuantType.QUInt8 if settings.activations == "uint8" else QuantType.QInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(stem),
                extra_options={"ActivationSymmetric": settings.activations == "int8"},
            )
        except (OSError, ExportError):  # a full disk, not the file
            raise
        except Exception as error:  # onnxruntime's quantiser raises what its parts happen to raise
            if reader.fault is not None:  # of the images, not of the file
                raise reader.fault from None
            reason = reason_of(error)
            message = f"expected a file that onnxruntime can quantise, {source} gives: {reason}"
            if reader.ended and not reader.images:
                message = "expected at least one batch of calibration images, got none"
            raise kind_of(reason, ExportError)(message) from error
        return read_onnx(made).model


class _Reader(CalibrationDataReader):
    """Gives batches to the calibration and counts their images."""

    def __init__(self, name: str, batches: Iterable[np.ndarray | Tensor]) -> None:
        self._name, self._batches, self.images, self.ended = name, iter(batches), 0, False
        self.fault: Exception | None = None  # what reading the images raised

    def get_next(self) -> dict[str, Any] | None:  # type: ignore[override]  # None ends the calibration
        try:
            batch = next(self._batches, None)
        except Exception as error:
            self.fault = error
            raise
        if batch is None:
            self.ended = True
            return None
        self.images += len(batch)
        return {self._name: np.ascontiguousarray(np.asarray(batch), dtype=np.float32)}
