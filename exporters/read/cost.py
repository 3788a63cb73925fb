"""Parameters and multiply-accumulates (MACs) of an ONNX file, counted in its graph, whatever tool wrote it.

Shapes are those of a real call: one batch is run, and added nodes return the shapes of every layer's inputs
and outputs. Shape inference works for most files, but not for onnxruntime's own quantised operators or for
shapes that are computed in the graph.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnx.inliner import inline_local_functions
from onnxruntime import ExecutionOrder, GraphOptimizationLevel, SessionOptions

from exporters.errors import OnnxFileError, kind_of, reason_of
from exporters.read.onnx_file import read_onnx
from exporters.read.operators import Shape, find_weights, is_uncounted, mac_rule
from exporters.read.session import session_options, start_session
from exporters.read.signature import Signature, signature_of

Precision = Literal["fp32", "fp16", "int8", "fp64", "fp8", "fp4", "int16", "int4", "int2", "other"]

_SAME_WIDTH: Final = {"bfloat16": "fp16", "float": "fp32", "double": "fp64"}
_SHAPE_OPSET: Final = 13


@dataclass(frozen=True)
class LayerCost:
    """One layer that multiplies: its node's name, operator, first weight ("" where both sides are computed), MACs."""

    node: str
    operator: str
    weight: str
    macs: int


@dataclass(frozen=True)
class OnnxCost:
    """What a file costs.

    ``parameters`` are the numbers in its weights, see ``find_weights``: BatchNorm that the exporter folded into a
    convolution counts as that convolution's bias, so they may be fewer than in the module. ``macs`` are the
    multiply-accumulates for one image of all convolutions and matrix products, without biases, and without what does
    not depend on the image, because that is computed when the file is loaded.
    """

    parameters: int
    macs: int
    size_bytes: int  # of the file and its external data
    precision: Precision  # of most of the weights
    layers: tuple[LayerCost, ...]  # in the graph's order
    uncounted: tuple[str, ...] = ()  # operators that multiply, but are missing in ``macs``, such as "LSTM"; sorted


def count_cost(path: Path, *, image_size: int | None = None, signature: Signature | None = None) -> OnnxCost:
    """Count a file's parameters and multiply-accumulates; a quantised layer counts as its float layer does.

    ``image_size`` is the height and width in pixels, where the file leaves them free; ``signature`` is for a file whose
    shapes do not show it. OnnxFileError if it cannot be opened or run or is no image classifier, CallError if it needs
    an image size, MachineError if there is not enough memory to run it.
    """
    file = read_onnx(path)
    if signature is None:
        signature = signature_of(start_session(file.data, _plain_options(), path=path), source=str(path))
    model = inline_local_functions(file.model) if file.model.functions else file.model
    weights = find_weights(model)
    dependent = _dependent_nodes(model, signature)
    layers = [(node, rule) for node in dependent if (rule := mac_rule(node))]
    shapes = _run_for_shapes(model, [node for node, _ in layers], signature, path=path, image_size=image_size)
    costs = tuple(
        LayerCost(
            node=node.name,
            operator=node.op_type,
            weight=next((weights[name].name for name in node.input if name in weights), ""),
            macs=rule(node, shapes) // (signature.batch or 1),
        )
        for node, rule in layers
    )
    numbers: Counter[Precision] = Counter()
    for weight in dict.fromkeys(weights.values()):
        numbers[precision_of(weight.data_type)] += weight.numbers
    return OnnxCost(
        parameters=sum(numbers.values()),
        macs=sum(layer.macs for layer in costs),
        size_bytes=file.size_bytes,
        precision=max(numbers, key=numbers.__getitem__, default="fp32"),
        layers=costs,
        uncounted=tuple(sorted({node.op_type for node in dependent if is_uncounted(node)})),
    )


def precision_of(data_type: int) -> Precision:
    """Kind and width of one of ``TensorProto``'s types: FLOAT8E4M3FN is "fp8", UINT4 "int4"."""
    name = TensorProto.DataType.Name(data_type).lower()
    short = _SAME_WIDTH.get(name) or re.sub(r"^u?(int|float)(\d+).*", r"\1\2", name).replace("float", "fp")
    return next((known for known in get_args(Precision) if known == short), "other")


def _dependent_nodes(model: ModelProto, signature: Signature) -> list[NodeProto]:
    """The nodes whose result depends on the image, in the graph's order."""
    depends = {signature.input_name}
    nodes = []
    for node in model.graph.node:
        if not depends.isdisjoint(node.input) or any(attribute.HasField("g") for attribute in node.attribute):
            depends.update(node.output)
            nodes.append(node)
    return nodes


def _run_for_shapes(
    model: ModelProto, layers: list[NodeProto], signature: Signature, *, path: Path, image_size: int | None
) -> Mapping[str, Shape]:
    """Shapes of the layers' inputs and outputs, from nodes that are added to ``model``.

    The graph returns shapes, because the tensors themselves would all be held until the call ends.
    """
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    needed = dict.fromkeys(name for node in layers for name in (*node.input, node.output[0]) if name)
    asked = {name: f"shape of {name} for count_cost" for name in needed if name not in known}
    model.graph.node.extend(helper.make_node("Shape", [name], [shape]) for name, shape in asked.items())
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in asked.values())
    if all(opset.domain not in ("", "ai.onnx") for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", _SHAPE_OPSET))
    session = start_session(model.SerializeToString(), _plain_options(), path=path)
    random = np.random.default_rng(0)
    images = signature.random_images(random, batch_size=signature.batch or 1, image_size=image_size)
    try:
        values = session.run([*asked.values()], {signature.input_name: images}) if asked else []
    except Exception as error:
        reason = reason_of(error)
        message = f"expected a model that runs on {list(images.shape)} images, {path}: {reason}"
        raise kind_of(reason, OnnxFileError)(message) from error
    return known | {name: tuple(np.asarray(value).tolist()) for name, value in zip(asked, values, strict=True)}


def _plain_options() -> SessionOptions:
    """Without optimisations, which rename and fuse nodes."""
    options = session_options(threads=1)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_order = ExecutionOrder.PRIORITY_BASED  # shapes first, so that tensors are freed early
    return options
