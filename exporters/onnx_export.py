"""A module becomes one self-contained ONNX file: checked, reproducible, atomic, with our metadata only."""

import copy
import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, numpy_helper
from torch import nn

from exporters.atomic import write_atomically
from exporters.errors import ExportError
from exporters.onnx_messages import nested_messages, tensors_of

INPUT_NAME = "images"
OUTPUT_NAME = "logits"
_EXAMPLE_BATCH = 2  # torch.export takes a batch of 1 for a constant


@dataclass(frozen=True)
class OnnxArtifact:
    """A written ONNX file.

    Attributes:
        path: where it is.
        sha256: of its bytes, hexadecimal.
        size_bytes: its length.
        opset: the version of the default operator set.
        denormals_flushed: weights with ``0 < |w| < 2^-126`` that were set to 0 in the file
            (arithmetic on them is many times slower on most CPUs).
    """

    path: Path
    sha256: str
    size_bytes: int
    opset: int
    denormals_flushed: int


def export_onnx(
    model: nn.Module, path: Path, *, input_shape: tuple[int, int, int], opset: int, metadata: Mapping[str, str]
) -> OnnxArtifact:
    """Write ``model`` in evaluation mode as one ONNX file; the module itself is left as it is.

    The same weights, shapes and versions give the same bytes. Traces of the exporting machine
    (stack traces, file names) are removed.

    Args:
        model: maps float32 images [batch, C, H, W] to logits [batch, K].
        path: the file to write; its folder exists.
        input_shape: (C, H, W) of one image, H and W in pixels.
        opset: the operator set of the file.
        metadata: written into the file, e.g. class names and preprocessing.

    Raises:
        ExportError: the module cannot be exported with a dynamic batch, or the file is not valid ONNX.
        OSError: the file cannot be written.
    """
    proto = _trace(copy.deepcopy(model).cpu().eval(), input_shape, opset)
    _strip_traces(proto)
    onnx.helper.set_model_props(proto, dict(sorted(metadata.items())))
    flushed = sum(_flush_denormals(tensor) for tensor in tensors_of(proto))
    _check(proto, input_shape, opset)
    data = proto.SerializeToString(deterministic=True)
    write_atomically(path, data)
    return OnnxArtifact(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        opset=opset,
        denormals_flushed=flushed,
    )


def _trace(model: nn.Module, input_shape: tuple[int, int, int], opset: int) -> ModelProto:
    example = torch.zeros(_EXAMPLE_BATCH, *input_shape)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # deprecations inside torch and onnxscript, not ours to mend
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                opset_version=opset,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except Exception as error:  # torch.export raises anything that the traced forward raises
        cause = error.__cause__ or error
        reason = str(cause).strip().split("\n", 1)[0]
        raise ExportError(
            f"expected a module that torch.export can trace on images {list(input_shape)}, "
            f"got {type(cause).__name__}: {reason}; try a forward without data-dependent control flow"
        ) from error
    if program is None:
        raise ExportError("expected torch.onnx.export to return a program, got None; try torch >= 2.11")
    return program.model_proto


def _strip_traces(proto: ModelProto) -> None:
    for message in nested_messages(proto):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)


def _flush_denormals(tensor: TensorProto) -> int:
    """Set the denormal values of a float32 tensor to 0 and count them."""
    if tensor.data_type != TensorProto.FLOAT:
        return 0
    values = numpy_helper.to_array(tensor)
    denormal = (values != 0) & (np.abs(values) < np.finfo(np.float32).tiny)
    count = int(denormal.sum())
    if count:
        tensor.CopyFrom(numpy_helper.from_array(np.where(denormal, np.float32(0), values), tensor.name))
    return count


def _check(proto: ModelProto, input_shape: tuple[int, int, int], opset: int) -> None:
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"expected valid ONNX, got: {error}; try another opset than {opset}") from error
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    if versions.get("") != opset:
        raise ExportError(f"expected operator set {opset}, got {versions}; try --opset {versions.get('')}")
    _check_signature(proto, ["batch", *input_shape])


def _check_signature(proto: ModelProto, images_shape: list[int | str]) -> None:
    got = {value.name: _shape(value) for value in (*proto.graph.input, *proto.graph.output)}
    if set(got) != {INPUT_NAME, OUTPUT_NAME} or len(got[OUTPUT_NAME]) != 2:
        raise ExportError(
            f"expected one input {INPUT_NAME} {images_shape} and one output {OUTPUT_NAME} "
            f"['batch', classes], got {got}; try a module that returns one tensor of logits"
        )
    if got[INPUT_NAME] != images_shape or got[OUTPUT_NAME][0] != "batch":
        raise ExportError(
            f"expected a free batch size, got {got}; try torch.flatten(x, 1) for a reshape to a fixed size"
        )


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
