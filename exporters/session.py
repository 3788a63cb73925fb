"""The one place that opens onnxruntime sessions, so that every number comes from the same settings."""

from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnxruntime import InferenceSession

from exporters.errors import ExportError, OnnxFileError
from exporters.onnx_messages import tensors_of

_ERRORS_ONLY = 3  # onnxruntime's severity: 2 warns of machines without a GPU


def open_session(path: Path, *, threads: int) -> InferenceSession:
    """Open an ONNX image classifier on the CPU: sequential, all graph optimisations, ``threads`` threads.

    Worker threads stop spinning when a call ends (``session.force_spinning_stop``): two sessions in
    turn, as in ``compare_latency``, would otherwise steal each other's cores.

    Args:
        path: a self-contained ONNX file with one image input and one output.
        threads: threads inside an operator, the caller's included.

    Raises:
        OnnxFileError: the file is missing, damaged, needs other files, or is no image classifier.
    """
    if threads < 1:
        raise ExportError(f"expected at least 1 thread, got {threads}")
    data = _read(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no public base class
        raise OnnxFileError(f"expected a model that onnxruntime can run, {path} gives: {error}") from error
    shapes = [value.shape for value in (*session.get_inputs(), *session.get_outputs())]
    if [len(shape) for shape in shapes] != [4, 2]:
        raise OnnxFileError(
            f"expected one input [batch, C, H, W] and one output [batch, K], {path} has shapes {shapes}; "
            "try a file written by compress"
        )
    return session


def run_logits(session: InferenceSession, images: np.ndarray) -> np.ndarray:
    """Logits [B, K] of float32 images [B, C, H, W].

    Raises:
        ExportError: the images do not have the shape the file asks for.
    """
    (wanted,) = session.get_inputs()
    matches = images.ndim == 4 and all(
        not isinstance(size, int) or size == got for size, got in zip(wanted.shape, images.shape, strict=True)
    )
    if not matches or images.dtype != np.float32:
        raise ExportError(
            f"expected float32 images of shape {wanted.shape}, got {images.dtype} {list(images.shape)}; "
            "try the preprocessing written in the file's metadata"
        )
    return cast("np.ndarray", session.run(None, {wanted.name: np.ascontiguousarray(images)})[0])


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OnnxFileError(f"cannot read the ONNX file {path}: {error.strerror}") from error
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise OnnxFileError(f"expected an ONNX file, {path} is damaged or something else: {error}") from error
    if any(tensor.external_data for tensor in tensors_of(model)):
        raise OnnxFileError(
            f"expected all weights inside the file, {path} takes some from other files; "
            "try to save it again without external data"
        )
    return data
