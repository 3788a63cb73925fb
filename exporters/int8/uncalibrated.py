"""INT8 graphs for timing alone: quantised as real ones are, with made-up ranges in place of a calibration."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np
from onnx import ModelProto
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData

from exporters.int8.layers import stem_of
from exporters.int8.source import FloatFile, Int8Types

_NEVER_NEGATIVE: Final = ("Clip", "HardSigmoid", "Relu", "Sigmoid")


def quantised_unseen(
    source: Path, types: Int8Types, *, in_float: Collection[str] | None = None
) -> tuple[ModelProto, tuple[str, ...]]:
    """The INT8 graph of a float32 file, and the layers left ``in_float``: by default the stem's. Errors of FloatFile.

    Its nodes are those of ``quantize_int8``; its answers say nothing.
    """
    file = FloatFile(source, types)
    prepared = file.prepared
    left = stem_of(prepared) if in_float is None else tuple(in_float)
    return file.quantised(_made_up(prepared), in_float=left), left


def _made_up(model: ModelProto) -> TensorsData:
    """A range for every tensor: 0 to 1 after an activation, which onnxruntime then removes as it does in real files."""
    ranges = {entry.name: (-1.0, 1.0) for entry in model.graph.input}
    for node in model.graph.node:
        low = 0.0 if node.op_type in _NEVER_NEGATIVE else -1.0
        ranges |= dict.fromkeys(node.output, (low, 1.0))
    known: dict[str, Any] = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    return TensorsData(CalibrationMethod.MinMax, known)
