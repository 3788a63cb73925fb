"""Start and run onnxruntime sessions, all with the same settings. Also part of the kit for a device."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import Any, Final

import numpy as np
import onnxruntime
from onnxruntime import ExecutionMode, GraphOptimizationLevel, InferenceSession, RunOptions, SessionOptions

from exporters.errors import CallError, ExportError, MachineError, OnnxFileError, kind_of, reason_of
from exporters.read.signature import PIXEL_TYPES, score_output

CALL_SECONDS: Final = 600
"""The longest call: a file from elsewhere may hold a loop that one size of batch or one image makes endless."""
CPU_PROVIDER: Final = "CPUExecutionProvider"
_OWN_THREADS: Final = {
    "OpenVINOExecutionProvider": "num_of_threads",
    "XnnpackExecutionProvider": "intra_op_num_threads",
}
"""Providers with threads of their own -> the option for their number."""
_STOP_SPINNING: Final = "session.force_spinning_stop"
_FATAL_ONLY: Final = 4  # log severity: errors (3) are raised as well, warnings (2) are about missing GPUs
_UNKNOWN_OPERATOR: Final = ("not a registered function/op", "No Op registered", "Could not find an implementation")


def session_options(*, threads: int, profile: str = "", emulated: bool = False) -> SessionOptions:
    """The options of every session, with ``threads`` inside an operator, the caller's included; they are at least 1.

    ``profile``: the session runs under onnxruntime's profiler, whose file's path begins so. ``emulated``: nothing is
    fused, so INT8 is computed in float32, slowly and without the overflows of this processor.

    Worker threads stop spinning when a call ends (``session.force_spinning_stop``): two sessions in
    turn, as in ``compare_latency``, would otherwise steal each other's cores.
    """
    if threads < 1:
        raise ExportError(f"expected at least 1 thread, got {threads}")
    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ExecutionMode.ORT_SEQUENTIAL
    level = GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_DISABLE_ALL if emulated else level.ORT_ENABLE_ALL
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry(_STOP_SPINNING, "1")
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return options


_OPTIONS: Final = session_options(threads=1)
SESSION_FACTS: Final[dict[str, str]] = {
    "provider": CPU_PROVIDER,
    "graph optimisation": _OPTIONS.graph_optimization_level.name,
    "execution mode": _OPTIONS.execution_mode.name,
    "inter-op threads": str(_OPTIONS.inter_op_num_threads),
    _STOP_SPINNING: _OPTIONS.get_session_config_entry(_STOP_SPINNING),
}
"""The options of every session except its threads, name -> value."""


def providers_of(provider: str, *, threads: int) -> list[tuple[str, dict[str, str]]]:
    """A session's providers with their options: ``provider``, and the CPU for what it does not take."""
    option = _OWN_THREADS.get(provider)
    chosen = {provider: {option: str(threads)} if option else {}}
    return list({**chosen, CPU_PROVIDER: {}}.items())


def start_session(
    data: bytes, options: SessionOptions, *, path: object, provider: str = CPU_PROVIDER
) -> InferenceSession:
    """A session of a model's bytes, without a check of its inputs and outputs; ``path`` is for messages.

    Nodes that ``provider`` does not take run on the CPU; MachineError if the provider itself does not start.
    """
    providers = providers_of(provider, threads=options.intra_op_num_threads)
    try:
        session = InferenceSession(data, options, providers=providers, enable_fallback=0)  # it prints and tries again
    except Exception as error:
        reason = reason_of(error)
        hint = "try to export it again, with another opset"
        if any(sign in reason for sign in _UNKNOWN_OPERATOR):
            hint = f"onnxruntime {onnxruntime.__version__} lacks this operator on the CPU; {hint}"
        message = f"expected a model that onnxruntime can run, {path} gives: {reason}; {hint}"
        raise kind_of(reason, OnnxFileError)(message) from error
    if session.get_providers()[0] != provider:
        raise MachineError(
            f"expected {provider} to start, onnxruntime uses {', '.join(session.get_providers())} instead; "
            "are its driver and its libraries installed?"
        )
    return session


def run_logits(session: InferenceSession, images: np.ndarray) -> np.ndarray:
    """Scores float32 [B, K] of images of the shape and type that the file asks for; CallError if they are not.

    OnnxFileError if the call takes longer than ``CALL_SECONDS``. A signal ends it at once.
    """
    (wanted,) = session.get_inputs()
    dtype = PIXEL_TYPES[wanted.type]
    matches = images.ndim == len(wanted.shape) == 4 and all(
        not isinstance(size, int) or size == images.shape[axis] for axis, size in enumerate(wanted.shape)
    )
    if not matches or images.dtype != dtype:
        raise CallError(
            f"expected {dtype} images of shape {wanted.shape}, got {images.dtype} {list(images.shape)}; "
            "try the preprocessing written in the file's metadata"
        )
    output = score_output(session, source="the file").name
    try:
        scores = np.asarray(_run(session, output, {wanted.name: np.ascontiguousarray(images)}), np.float32)
    except OnnxFileError:
        raise
    except Exception as error:
        reason = reason_of(error)
        message = f"expected scores for {list(images.shape)} images, onnxruntime fails: {reason}"
        raise kind_of(reason)(message) from error
    return scores.reshape(len(scores), -1)


def _run(session: InferenceSession, output: str, feed: dict[str, np.ndarray]) -> Any:
    """One call in a thread of its own: Python handles signals in the main thread, and not while that one computes."""
    options = RunOptions()
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(session.run, [output], feed, options)
        try:
            if wait([call], timeout=CALL_SECONDS).not_done:
                raise OnnxFileError(f"expected scores within {CALL_SECONDS} s a call, got none; is the file damaged?")
        finally:
            options.terminate = True  # onnxruntime stops before its next operator; of no effect after the call
        return call.result()[0]


def run_batches(session: InferenceSession, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Scores [N, K] of batches of any size, in order; a session with a fixed batch gets that, the last filled up.

    ExportError if there are no images, CallError if they are not those that the file asks for.
    """
    batch_size = session.get_inputs()[0].shape[0]
    if isinstance(batch_size, int):
        images = chain.from_iterable(batches)
        parts = [_run_fixed(session, part, batch_size) for part in iter(lambda: [*islice(images, batch_size)], [])]
    else:
        parts = [run_logits(session, batch) for batch in batches]
    if not parts:
        raise ExportError("expected at least one batch of images, got none")
    return np.concatenate(parts)


def _run_fixed(session: InferenceSession, images: list[np.ndarray], batch_size: int) -> np.ndarray:
    scores = run_logits(session, np.stack([*images, *[np.zeros_like(images[0])] * (batch_size - len(images))]))
    if len(scores) != batch_size:
        raise ExportError(f"expected scores of {batch_size} images, the file gives {len(scores)}")
    return scores[: len(images)]
