"""A module becomes one self-contained ONNX file: checked, reproducible, atomic, with our metadata only."""

import inspect
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from exporters.errors import ExportError, kind_of
from exporters.module_copy import copy_module
from exporters.read.onnx_file import LARGEST_BYTES, tensors_of
from exporters.write.artifact import Artifact, shape_of, write_model

OPSETS: Final = range(18, 26)
"""Operator sets that can be written: torch.onnx writes 18, onnxscript converts it to the others; 0.7 knows up to 25."""
INPUT_NAME = "images"
OUTPUT_NAME = "logits"
_EXAMPLE_BATCH = 2  # torch.export takes a batch of 1 for a constant
_PLACE: Final = re.compile(r'File "(?P<file>.+)", line (?P<line>\d+), in (?P<function>\w+)')  # in torch's message


def export_onnx(
    model: nn.Module, path: Path, *, input_shape: tuple[int, int, int], opset: int, metadata: Mapping[str, str]
) -> Artifact:
    """Write ``model``, in evaluation mode, as one ONNX file; the module itself is not changed.

    It maps float32 images [batch, *input_shape] to logits [batch, K]; ``input_shape`` is (C, H, W), H and W in
    pixels. ``metadata``, such as class names, is written into the file. The same weights, shapes and versions give
    the same bytes. ExportError if the module cannot be exported with a free batch size or is too large for one file,
    or the file is not valid ONNX; OSError if it cannot be written.
    """
    check_size(model)
    # Channels last in memory, as networks are trained here, would come out as strides: Range, Gather, Reshape.
    plain = copy_module(model).cpu().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    proto = _trace(plain, input_shape, opset)
    flushed = sum(_flush_denormals(tensor) for tensor in tensors_of(proto))
    got = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if got != opset:
        raise ExportError(f"expected operator set {opset}, got {got}; try --opset {got}")
    _check_signature(proto.graph, ["batch", *input_shape])
    return write_model(proto, path, metadata=metadata, denormals_flushed=flushed)


def check_size(model: nn.Module) -> None:
    """Raise ExportError where the weights are too large for one file."""
    size = sum(value.nbytes for value in model.state_dict().values() if isinstance(value, torch.Tensor))
    if size > LARGEST_BYTES:
        raise ExportError(
            f"expected weights of less than 2 GiB, all that one ONNX file can hold, got {size / 2**30:.1f} GiB; "
            "try a smaller network"
        )


def _trace(model: nn.Module, input_shape: tuple[int, int, int], opset: int) -> ModelProto:
    images, free = torch.zeros(_EXAMPLE_BATCH, *input_shape), _free_batch(model)
    try:
        with _quiet(), torch.no_grad():
            with _AttentionStepByStep():
                proto = _exported(model, images, free, opset)
            if any(isinstance(shape_of(value)[0], int) for value in proto.graph.input) and (
                read := _read_code(model, images, free)
            ):
                proto = _exported(read, images, free, opset)
    except Exception as error:  # torch.export raises anything that the traced forward raises
        reason = _explain(error.__cause__ or error)
        message = f"expected a module that torch.export can trace on images {list(input_shape)}, got {reason}"
        raise kind_of(reason, ExportError)(message) from error
    return proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch writes: deprecations, log lines, the traced graph on stderr."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)


def _exported(
    model: nn.Module | torch.export.ExportedProgram, images: torch.Tensor, free: tuple[Any, ...], opset: int
) -> ModelProto:
    program = torch.onnx.export(
        model,
        (images,),
        dynamo=True,
        opset_version=opset,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        dynamic_shapes=free,
        verbose=False,
    )
    assert program is not None  # only the old exporter, dynamo=False, returns None
    return program.model_proto


def _read_code(model: nn.Module, images: torch.Tensor, free: tuple[Any, ...]) -> torch.export.ExportedProgram | None:
    """The module as torch.export reads it from its code; ``None`` where it cannot, or the code fixes the batch size.

    ``len(images)`` stays free then; in a traced run it is a number.
    """
    try:
        return torch.export.export(model, (images,), dynamic_shapes=free, strict=True)
    except Exception:  # whatever torch.export raises
        return None


def _free_batch(model: nn.Module) -> tuple[Any, ...]:
    """The first axis of the images is free; a forward of ``*images`` gets them in a tuple of its own."""
    images = {0: torch.export.Dim("batch")}
    first = next(iter(inspect.signature(model.forward).parameters.values()), None)
    return ((images,),) if first is not None and first.kind is inspect.Parameter.VAR_POSITIONAL else (images,)


class _AttentionStepByStep(TorchFunctionMode):
    """Attention in other than four dimensions as its products of matrices: torch.onnx translates only four."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.scaled_dot_product_attention and args and args[0].dim() != 4:
            return torch.ops.aten._scaled_dot_product_attention_math(*args, **(kwargs or {}))[0]
        return func(*args, **(kwargs or {}))


def _explain(cause: BaseException) -> str:
    """What failed in tracing, where in the forward, and what to try."""
    text = str(cause).strip()
    reason = text.split("\n", 1)[0]
    place = _PLACE.search(text)
    where = f" ({Path(place['file']).name}, line {place['line']}, in {place['function']})" if place else ""
    advice = "a forward that torch.export.export takes"
    if "data-dependent" in reason:
        advice = "torch.where in place of an `if` or a loop that depends on the values of a tensor"
    return f"{type(cause).__name__}: {reason}{where}; try {advice}"


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


def _check_signature(graph: GraphProto, images_shape: list[int | str]) -> None:
    got = {value.name: shape_of(value) for value in (*graph.input, *graph.output)}
    if set(got) != {INPUT_NAME, OUTPUT_NAME} or len(got[OUTPUT_NAME]) != 2:
        raise ExportError(
            f"expected one input {INPUT_NAME} {images_shape} and one output {OUTPUT_NAME} "
            f"['batch', classes], got {got}; try a module that returns one tensor of logits"
        )
    if got[INPUT_NAME] != images_shape or got[OUTPUT_NAME][0] != "batch":
        raise ExportError(
            f"expected a free batch size, got {got}: the forward turns it into a fixed number, as int() and a loop "
            "over the images do; try x.shape[0] for the number of images, torch.flatten(x, 1) in place of a reshape"
        )
