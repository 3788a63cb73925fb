"""The nodes of onnxruntime's optimised graph: how long each took, and which layer of the file it came from.

onnxruntime fuses and renames: a convolution in its blocked layout is called after the tensor it gives
("relu_3_nchwc"), a fused one after its node ("fused node_linear"), a moved one gets "_token_12".
"""

import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, helper

from exporters.measure.calls import CallFactory, RunnableFile
from exporters.measure.profile_events import node_events
from exporters.measure.scheduling import core_sets, held_on
from exporters.read.cost import count_cost
from exporters.read.onnx_file import read_onnx
from exporters.read.session import session_options
from exporters.write.scratch import scratch_folder

BLOCKED = ", blocked"
"""After the name of an operator that ran in onnxruntime's blocked layout."""
_FEWEST_CALLS = 50
_MOST_CALLS = 200
_SECONDS = 2.0  # for both files, unless the fewest calls take longer
_WARMUP = 5
_BYTES = {"float": 4, "float16": 2, "int32": 4, "int64": 8, "double": 8}

# What onnxruntime adds to a name.
_ADDED = re.compile(r"^(fused )+|(_kernel_time|_nchwc|_token_\d+|/duplicated)+$")
# What torch, Keras and the quantiser add to a layer's name in the name of its weight.
_WEIGHT = re.compile(r"\.(weight|kernel)(_quantized)?$")
# Operators that onnxruntime folds into the layer before them.
_FOLDED = frozenset({
    "Add", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "Mul", "QuantizeLinear", "Relu", "Sigmoid", "Tanh",
})  # fmt: skip


@dataclass(frozen=True)
class NodeTime:
    """A node as it ran, under the name and the operator ("QLinearConv", "ReorderOutput") that onnxruntime gave it."""

    name: str
    operator: str
    kernel: str  # the operator, and whether it ran in onnxruntime's blocked layout
    milliseconds: float  # mean of the middle half of its calls: a median of whole microseconds is too coarse
    moved_bytes: int  # of the tensors that it read and wrote, weights among them where ``lists_weight``
    lists_weight: bool  # whether its weight is in the profile: not where onnxruntime has packed it its own way


def time_nodes(files: Sequence[CallFactory], *, threads: int) -> tuple[int, list[list[NodeTime]]]:
    """Run files in turn under onnxruntime's profiler; the number of calls, and each file's nodes as they ran."""
    cores = core_sets(threads)
    with scratch_folder() as folder, held_on(cores[0] if cores else ()):
        calls = []
        for number, file in enumerate(files):
            options = session_options(threads=threads, profile=str(folder / str(number)))
            calls.append(file.open(threads=threads, options=options))
        done, start = -_WARMUP, time.perf_counter()
        while done < _FEWEST_CALLS or (done < _MOST_CALLS and time.perf_counter() - start < _SECONDS):
            for call in calls:
                call.milliseconds()
            done += 1
        return done, [_read_profile(Path(call.session.end_profiling()), calls=done) for call in calls]


def _read_profile(profile: Path, *, calls: int) -> list[NodeTime]:
    return [_node_time(same[0], np.sort([event["dur"] for event in same[-calls:]])) for same in node_events(profile)]


def _node_time(event: dict[str, Any], microseconds: np.ndarray) -> NodeTime:
    """A node from one of its events and the sorted durations of all."""
    operator, quarter = event["args"]["op_name"], len(microseconds) // 4
    # Tensors are listed as [{"float": [1, 3, 8, 8]}, ...].
    inputs, outputs = (
        [item for tensor in event["args"].get(key, ()) for item in tensor.items()]
        for key in ("input_type_shape", "output_type_shape")
    )
    return NodeTime(
        name=event["name"],
        operator=operator,
        kernel=operator + (BLOCKED if "_nchwc" in event["name"] else ""),
        milliseconds=float(microseconds[quarter : len(microseconds) - quarter].mean()) / 1e3,
        moved_bytes=sum(_BYTES.get(kind, 1) * math.prod(shape) for kind, shape in inputs + outputs),
        lists_weight=sum(len(shape) >= 2 for _kind, shape in inputs) >= 2,
    )


@dataclass(frozen=True)
class SourceLayer:
    """A layer of the file."""

    name: str  # from its weight ("features.3.squeeze"), else its node's
    macs: int | None = None  # multiply-accumulates for one image; ``None`` where it has no products
    weight: tuple[int, ...] = ()  # its weight's shape, [out, in / groups, ...] of a convolution; () without one
    weight_bytes: int = 0

    @property
    def bytes_each(self) -> int:
        """Bytes of each of its weights: 4 in float32, 1 in INT8, 0 without one."""
        return self.weight_bytes // max(math.prod(self.weight), 1)


class SourceGraph:
    """The layers of one file, found by the names of nodes as they ran."""

    def __init__(self, file: RunnableFile) -> None:
        """Read the file and count its layers; OnnxFileError where it cannot be opened or run."""
        graph = read_onnx(file.path).model.graph
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes = {node.name: node for node in graph.node if node.name}
        self._makers = {output: node for node in graph.node for output in node.output}
        cost = count_cost(file.path, image_size=file.image_size, signature=file.signature)
        self._costs = {layer.node: layer for layer in cost.layers if layer.node}

    def find(self, ran_as: str, operator: str) -> SourceLayer:
        """The layer that ran under a name in onnxruntime's profile; one without products where there is none."""
        name = _ADDED.sub("", ran_as)
        node = self._nodes.get(name) or self._makers.get(name)
        if node is None:
            return SourceLayer(name or operator)
        plain = node.name.removeprefix("node_")
        multiplies = any(kind in operator for kind in ("Conv", "Gemm", "MatMul"))
        sources = (self._costs[maker.name] for maker in self._behind(node) if maker.name in self._costs)
        cost = next(sources, None) if multiplies else None
        if cost is None:
            return SourceLayer(plain or name)
        name = _WEIGHT.sub("", cost.weight) if _WEIGHT.search(cost.weight) else cost.node.removeprefix("node_")
        tensor = self._stored.get(cost.weight)
        if tensor is None:
            return SourceLayer(name, cost.macs)
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        return SourceLayer(name, cost.macs, tuple(tensor.dims), math.prod(tensor.dims) * size)

    def _behind(self, node: NodeProto) -> Iterator[NodeProto]:
        """The node, and the nodes that it was folded into, nearest first."""
        waiting, seen = [node], set()
        while waiting:
            current = waiting.pop(0)
            yield current
            if current.op_type in _FOLDED:
                makers = [self._makers[name] for name in current.input if name in self._makers]
                waiting += [maker for maker in makers if maker.output[0] not in seen]
                seen |= {maker.output[0] for maker in makers}
