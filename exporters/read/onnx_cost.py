"""What an ONNX file costs: weights and multiply-accumulates, counted in its graph, whoever wrote it.

Shapes are those of a real call: one batch is run with every layer's inputs and outputs as outputs of
the graph. Shape inference would do for most files, but not for onnxruntime's own quantised operators
or for shapes that are computed on the way.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnx
from onnx import ModelProto, NodeProto
from onnx.inliner import inline_local_functions
from onnxruntime import GraphOptimizationLevel, SessionOptions

from exporters.errors import OnnxFileError
from exporters.read.onnx_reading import read_onnx
from exporters.read.onnx_weights import WeightTensor, find_weights
from exporters.read.session import session_options, start_session
from exporters.read.signature import Signature, signature_of

Precision = Literal["fp32", "fp16", "int8"]
Shape = tuple[int, ...]

_PRECISIONS: Final[dict[int, Precision]] = {
    onnx.TensorProto.FLOAT16: "fp16",
    onnx.TensorProto.BFLOAT16: "fp16",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT8: "int8",
}


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
        macs: multiply-accumulates for one image of all convolutions and matrix products, biases not counted.
        size_bytes: of the file and its external data.
        precision: of most of the weights.
        layers: the MACs layer by layer, in the graph's order.
    """

    parameters: int
    macs: int
    size_bytes: int
    precision: Precision
    layers: tuple[LayerCost, ...]


def count_cost(path: Path, *, image_size: int | None = None) -> OnnxCost:
    """Count a file's weights and multiply-accumulates; quantised layers count like those they came from.

    Args:
        path: an ONNX image classifier.
        image_size: height and width in pixels, where the file leaves them free.

    Raises:
        OnnxFileError: the file cannot be opened or run, or is no image classifier.
        ExportError: it leaves the image size free and none is given.
    """
    file = read_onnx(path)
    signature = signature_of(start_session(file.data, _plain_options(), path=path), source=str(path))
    model = inline_local_functions(file.model) if file.model.functions else file.model
    weights = find_weights(model)
    layers = [node for node in model.graph.node if node.op_type in _MACS]
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


def _run_for_shapes(
    model: ModelProto, layers: list[NodeProto], signature: Signature, *, path: Path, image_size: int | None
) -> Mapping[str, Shape]:
    """Shapes of all that goes into and comes out of the layers; these become outputs of ``model``."""
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    own = {value.name for value in (*model.graph.input, *model.graph.output)}
    asked = dict.fromkeys(name for node in layers for name in (*node.input, node.output[0]) if name)
    extra = [onnx.ValueInfoProto(name=name) for name in asked if name not in known and name not in own]
    model.graph.output.extend(extra)
    session = start_session(model.SerializeToString(), _plain_options(), path=path)
    random = np.random.default_rng(0)
    images = signature.random_images(random, batch_size=signature.batch or 1, image_size=image_size)
    names = [value.name for value in session.get_outputs()]
    try:
        values = session.run(names, {signature.input_name: images})
    except Exception as error:  # onnxruntime's errors have no public base class
        reason = str(error).strip().split("\n", 1)[0]
        raise OnnxFileError(f"expected a model that runs on {list(images.shape)} images, {path}: {reason}") from error
    shapes = {name: np.asarray(value).shape for name, value in zip(names, values, strict=True)}
    return known | shapes | {signature.input_name: images.shape}


def _plain_options() -> SessionOptions:
    """Without optimisations: they would rename and fuse what is asked for."""
    options = session_options(threads=1)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _layer_cost(
    node: NodeProto, shapes: Mapping[str, Shape], weights: Mapping[str, WeightTensor], *, batch: int
) -> LayerCost:
    macs = _MACS[node.op_type](node, shapes)
    weight = next((weights[name].name for name in node.input if name in weights), "")
    return LayerCost(node=node.name, operator=node.op_type, weight=weight, macs=macs // batch)


def _convolution(place: int) -> Callable[[NodeProto, Mapping[str, Shape]], int]:
    """Every output number is a sum over one kernel of the weight (M, C/group, kernel...), the input at ``place``."""
    return lambda node, shapes: math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[place]][1:])


def _transposed(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every input number is multiplied with one kernel of the weight (C, M/group, kernel...)."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _gemm(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    across = next((attribute.i for attribute in node.attribute if attribute.name == "transA"), 0)
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if across else 1]


def _product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


_MACS: Final[dict[str, Callable[[NodeProto, Mapping[str, Shape]], int]]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "FusedConv": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "QGemm": _gemm,
    "MatMul": _product,
    "FusedMatMul": _product,
    "MatMulInteger": _product,
    "QLinearMatMul": _product,
}
