"""A written ONNX file: without traces of the machine, checked, with the same bytes every time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

from exporters.errors import ExportError
from exporters.read.onnx_file import nested_messages
from exporters.write.atomic import write_atomically


@dataclass(frozen=True)
class Artifact:
    """A written file; ``sha256`` is hexadecimal.

    ``denormals_flushed`` counts weights with ``0 < |w| < 2^-126`` that were set to 0 in the file, because
    arithmetic on them is many times slower on most CPUs.
    """

    path: Path
    sha256: str
    size_bytes: int
    denormals_flushed: int = 0


def metadata_of(model: ModelProto) -> dict[str, str]:
    """The model's metadata, key -> text."""
    return {entry.key: entry.value for entry in model.metadata_props}


def shape_of(value: ValueInfoProto) -> list[int | str]:
    """The lengths of a graph input's or output's axes, a name where the length is free."""
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def set_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    """Make these the nodes of a graph, in this order."""
    del graph.node[:]
    graph.node.extend(nodes)


def write_model(model: ModelProto, path: Path, *, metadata: Mapping[str, str], denormals_flushed: int = 0) -> Artifact:
    """Strip a model of all traces of the machine, give it ``metadata`` alone, check it and write it.

    The same graph, weights and metadata give the same bytes. ExportError if it is not valid ONNX.
    """
    for message in nested_messages(model):
        for field in ("metadata_props", "doc_string"):  # stack traces, file names, free text
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"expected valid ONNX, got: {error}; try another --opset") from error
    return write_bytes(model.SerializeToString(deterministic=True), path, denormals_flushed=denormals_flushed)


def write_bytes(data: bytes, path: Path, *, denormals_flushed: int = 0) -> Artifact:
    """Write a file's bytes atomically."""
    write_atomically(path, data)
    return Artifact(path, hashlib.sha256(data).hexdigest(), len(data), denormals_flushed)
