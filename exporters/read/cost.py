"""What an ONNX file costs: weights and multiply-accumulates, counted in its graph, whoever wrote it.

Shapes are those of a real call: one batch is run, and the graph gives the shape of every layer's inputs
and outputs beside its own output. Shape inference would do for most files, but not for onnxruntime's own
quantised operators or for shapes that are computed on the way.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnx.inliner import inline_local_functions
from onnxruntime import ExecutionOrder, GraphOptimizationLevel, SessionOptions

from exporters.errors import OnnxFileError, kind_of, reason_of
from exporters.read.macs import PRODUCTS, Shape
from exporters.read.onnx_file import read_onnx
from exporters.read.session import session_options, start_session
from exporters.read.signature import Signature, signature_of
from exporters.read.weights import WeightTensor, find_weights

Precision = Literal["fp32", "fp16", "int8"]

_PRECISIONS: Final[dict[int, Precision]] = {
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "fp16",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "int8",
}
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

    Attributes:
        parameters: numbers in its weights, see ``find_weights``. BatchNorm that the exporter folded into
            a convolution counts as that convolution's bias, so it may be less than in the module.
        macs: multiply-accumulates for one image of all convolutions and matrix products, biases not counted;
            0 where a file computes in other ways. What does not depend on the image is computed when the
            file is loaded, and not counted.
        size_bytes: of the file and its external data.
        precision: of most of the weights.
        layers: the MACs layer by layer, in the graph's order.
    """

    parameters: int
    macs: int
    size_bytes: int
    precision: Precision
    layers: tuple[LayerCost, ...]


def count_cost(path: Path, *, image_size: int | None = None, signature: Signature | None = None) -> OnnxCost:
    """Count a file's weights and multiply-accumulates; quantised layers count like those they came from.

    Args:
        path: an ONNX image classifier.
        image_size: height and width in pixels, where the file leaves them free.
        signature: what it takes, where that is known; ``None``: as its shapes say.

    Raises:
        OnnxFileError: the file cannot be opened or run, or is no image classifier.
        CallError: it leaves the image size free and none is given.
        MachineError: there is not enough memory to run it.
    """
    file = read_onnx(path)
    if signature is None:
        signature = signature_of(start_session(file.data, _plain_options(), path=path), source=str(path))
    model = inline_local_functions(file.model) if file.model.functions else file.model
    weights = find_weights(model)
    layers = _layers(model, signature)
    shapes = _run_for_shapes(model, layers, signature, path=path, image_size=image_size)
    costs = tuple(_layer_cost(node, shapes, weights, batch=signature.batch or 1) for node in layers)
    numbers: Counter[Precision] = Counter()
    for weight in {weight.name: weight for weight in weights.values()}.values():
        numbers[_PRECISIONS.get(weight.data_type, "fp32")] += weight.numbers
    return OnnxCost(
        parameters=sum(numbers.values()),
        macs=sum(layer.macs for layer in costs),
        size_bytes=file.size_bytes,
        precision=max(numbers, key=lambda kind: numbers[kind], default="fp32"),
        layers=costs,
    )


def _layers(model: ModelProto, signature: Signature) -> list[NodeProto]:
    """The nodes that multiply and whose result depends on the image, in the graph's order."""
    depends = {signature.input_name}
    layers = []
    for node in model.graph.node:
        if depends.isdisjoint(node.input) and not any(attribute.HasField("g") for attribute in node.attribute):
            continue
        depends.update(node.output)
        if node.op_type in PRODUCTS:
            layers.append(node)
    return layers


def _run_for_shapes(
    model: ModelProto, layers: list[NodeProto], signature: Signature, *, path: Path, image_size: int | None
) -> Mapping[str, Shape]:
    """Shapes of all that goes into and comes out of the layers; ``model`` gets nodes that give them.

    Shapes, not the tensors themselves: these would all be held until the call ends.
    """
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    asked = list(dict.fromkeys(name for node in layers for name in (*node.input, node.output[0]) if name))
    asked = [name for name in asked if name not in known]
    answers = [f"shape {number} for count_cost" for number in range(len(asked))]
    model.graph.node.extend(
        helper.make_node("Shape", [name], [answer]) for name, answer in zip(asked, answers, strict=True)
    )
    model.graph.output.extend(helper.make_tensor_value_info(answer, TensorProto.INT64, None) for answer in answers)
    if all(opset.domain not in ("", "ai.onnx") for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", _SHAPE_OPSET))
    session = start_session(model.SerializeToString(), _plain_options(), path=path)
    random = np.random.default_rng(0)
    images = signature.random_images(random, batch_size=signature.batch or 1, image_size=image_size)
    try:
        values = session.run(answers, {signature.input_name: images}) if answers else []
    except Exception as error:
        reason = reason_of(error)
        message = f"expected a model that runs on {list(images.shape)} images, {path}: {reason}"
        raise kind_of(reason, OnnxFileError)(message) from error
    return known | {name: tuple(np.asarray(value).tolist()) for name, value in zip(asked, values, strict=True)}


def _plain_options() -> SessionOptions:
    """Without optimisations: they would rename and fuse what is asked for."""
    options = session_options(threads=1)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_order = ExecutionOrder.PRIORITY_BASED  # shapes first, so that their tensors can go
    return options


def _layer_cost(
    node: NodeProto, shapes: Mapping[str, Shape], weights: Mapping[str, WeightTensor], *, batch: int
) -> LayerCost:
    macs = PRODUCTS[node.op_type](node, shapes)
    weight = next((weights[name].name for name in node.input if name in weights), "")
    return LayerCost(node=node.name, operator=node.op_type, weight=weight, macs=macs // batch)
