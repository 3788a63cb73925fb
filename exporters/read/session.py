"""Open and run onnxruntime sessions, all with the same settings."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from onnxruntime import ExecutionMode, GraphOptimizationLevel, InferenceSession, SessionOptions

from exporters.errors import CallError, ExportError, OnnxFileError, kind_of, reason_of
from exporters.read.onnx_file import read_onnx
from exporters.read.signature import PIXEL_TYPES, image_input, score_output

_PROVIDER: Final = "CPUExecutionProvider"
_STOP_SPINNING: Final = "session.force_spinning_stop"
_FATAL_ONLY: Final = 4  # log severity: errors (3) are raised as well, warnings (2) are about missing GPUs
_UNKNOWN_OPERATOR: Final = ("not a registered function/op", "No Op registered", "Could not find an implementation")


def session_options(*, threads: int) -> SessionOptions:
    """The options of every session, with ``threads`` inside an operator, the caller's included; they are at least 1.

    Worker threads stop spinning when a call ends (``session.force_spinning_stop``): two sessions in
    turn, as in ``compare_latency``, would otherwise steal each other's cores.
    """
    if threads < 1:
        raise ExportError(f"expected at least 1 thread, got {threads}")
    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry(_STOP_SPINNING, "1")
    return options


_OPTIONS: Final = session_options(threads=1)
SESSION_FACTS: Final[dict[str, str]] = {
    "provider": _PROVIDER,
    "graph optimisation": _OPTIONS.graph_optimization_level.name,
    "execution mode": _OPTIONS.execution_mode.name,
    "inter-op threads": str(_OPTIONS.inter_op_num_threads),
    _STOP_SPINNING: _OPTIONS.get_session_config_entry(_STOP_SPINNING),
}
"""The options of every session except its threads, name -> value."""


def open_session(path: Path, *, threads: int, options: SessionOptions | None = None) -> InferenceSession:
    """Open an ONNX image classifier on the CPU; weights in other files are read from its own folder only.

    ``options`` are ``session_options`` with something added, such as a profile. OnnxFileError if the file is missing,
    damaged, reaches outside its folder, or is no image classifier.
    """
    session = start_session(read_onnx(path).data, options or session_options(threads=threads), path=path)
    image_input(session, source=str(path))
    score_output(session, source=str(path))
    return session


def start_session(data: bytes, options: SessionOptions, *, path: Path) -> InferenceSession:
    """A session of a model's bytes, without a check of its inputs and outputs; ``path`` is for messages."""
    try:
        return InferenceSession(data, options, providers=[_PROVIDER], enable_fallback=0)  # it prints and tries again
    except Exception as error:
        reason = reason_of(error)
        hint = "try to export it again, with another opset"
        if any(sign in reason for sign in _UNKNOWN_OPERATOR):
            hint = f"onnxruntime {onnxruntime.__version__} lacks this operator on the CPU; {hint}"
        message = f"expected a model that onnxruntime can run, {path} gives: {reason}; {hint}"
        raise kind_of(reason, OnnxFileError)(message) from error


def run_logits(session: InferenceSession, images: np.ndarray) -> np.ndarray:
    """Scores float32 [B, K] of images of the shape and type that the file asks for; CallError if they are not."""
    (wanted,) = session.get_inputs()
    dtype = PIXEL_TYPES[wanted.type]
    matches = images.ndim == 4 and all(
        not isinstance(size, int) or size == got for size, got in zip(wanted.shape, images.shape, strict=True)
    )
    if not matches or images.dtype != dtype:
        raise CallError(
            f"expected {dtype} images of shape {wanted.shape}, got {images.dtype} {list(images.shape)}; "
            "try the preprocessing written in the file's metadata"
        )
    output = score_output(session, source="the file").name
    try:
        scores = np.asarray(session.run([output], {wanted.name: np.ascontiguousarray(images)})[0], np.float32)
    except Exception as error:
        reason = reason_of(error)
        message = f"expected scores for {list(images.shape)} images, onnxruntime fails: {reason}"
        raise kind_of(reason)(message) from error
    return scores.reshape(len(scores), -1)
