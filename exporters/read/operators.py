"""ONNX's operators with weights or products: a node's multiply-accumulates, and which stored numbers are weights.

Multiply-accumulates (MACs) follow from the shapes of a node's inputs and outputs; biases are not counted.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

Shape = tuple[int, ...]
MacRule = Callable[[NodeProto, Mapping[str, Shape]], int]


class Operator(NamedTuple):
    """The places of its inputs that are weights or biases, and its MACs if it has any that are counted."""

    weights: tuple[int, ...]
    macs: MacRule | None = None


def _convolution(place: int, *, transposed: bool = False) -> MacRule:
    """Every output number, or input number if transposed, meets one kernel of the weight, the input at ``place``.

    The weight is (M, C/group, kernel...), transposed (C, M/group, kernel...).
    """
    return lambda node, shapes: (
        math.prod(shapes[node.input[0] if transposed else node.output[0]]) * math.prod(shapes[node.input[place]][1:])
    )


def _product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every output number is a sum over the last axis of the first input, the last but one if it is transposed."""
    summed = -2 if _attribute(node, "transA", 0) else -1
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][summed]


def _attention(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every query meets every key (its last axis but one), every output number is a sum over the keys."""
    queries, keys, output = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
    return (math.prod(queries) + math.prod(output)) * keys[-2]


def _einsum(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """As torch counts: operands are multiplied two by two from the left, and summed as early as possible.

    Where no axis is left to sum over, the product is one of elements, as ``a * b`` is, which counts none.
    """
    import torch  # here, because few files need it, and it takes longer to import than a file to try out
    from torch.utils.flop_counter import FlopCounterMode

    operands = [torch.empty(shapes[name], device="meta") for name in node.input]
    with torch.backends.opt_einsum.flags(enabled=False), FlopCounterMode(display=False) as counter:
        torch.einsum(_attribute(node, "equation", b"").decode(), *operands)
    return int(counter.get_total_flops()) // 2


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


_FLOATS: Final = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
# Inputs that are never weights: scales, zero points, ranges, sizes.
_NO_WEIGHTS: Final = ("QuantizeLinear", "DynamicQuantizeLinear", "Clip", "Pad", "Resize", "Upsample")
_RELAYS: Final = ("Cast", "DequantizeLinear", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_RECURRENT: Final = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")

OPERATORS: Final[dict[str, Operator]] = {
    **dict.fromkeys(("Conv", "FusedConv"), Operator((1, 2), _convolution(1))),
    "ConvTranspose": Operator((1, 2), _convolution(1, transposed=True)),
    "ConvInteger": Operator((1,), _convolution(1)),
    "DeformConv": Operator((1, 3), _convolution(1)),
    "QLinearConv": Operator((3, 8), _convolution(3)),
    **dict.fromkeys(("Gemm", "FusedGemm"), Operator((0, 1, 2), _product)),
    "QGemm": Operator((0, 3, 6), _product),
    **dict.fromkeys(("MatMul", "FusedMatMul", "MatMulInteger"), Operator((0, 1), _product)),
    "DynamicQuantizeMatMul": Operator((1, 4), _product),
    "MatMulIntegerToFloat": Operator((0, 1, 6), _product),
    "MatMulNBits": Operator((1,), lambda node, shapes: math.prod(shapes[node.output[0]]) * _attribute(node, "K", 0)),
    "QLinearMatMul": Operator((0, 3), _product),
    "Einsum": Operator((0, 1, 2, 3), _einsum),
    "Attention": Operator((0, 1, 2), _attention),
    **dict.fromkeys(_RECURRENT, Operator((1, 2, 3, 7))),
    # Not BatchNormalization's running mean and variance, which are no parameters.
    **{f"{kind}Normalization": Operator((1, 2)) for kind in ("Batch", "Instance", "Layer", "Group")},
    "PRelu": Operator((1,)),
}


def mac_rule(node: NodeProto) -> MacRule | None:
    """The rule for a node; ``None`` where it has no products, or none that are counted."""
    operator = OPERATORS.get(node.op_type)
    return None if operator is None or is_uncounted(node) else operator.macs


def is_uncounted(node: NodeProto) -> bool:
    """Whether a node multiplies with matrices, but has no rule: recurrent layers, onnxruntime's attention blocks."""
    return node.op_type in _RECURRENT or (node.domain == "com.microsoft" and "Attention" in node.op_type)


class WeightTensor(NamedTuple):
    """A stored tensor of weights: its name, how many numbers it holds, its ``TensorProto`` type."""

    name: str
    numbers: int
    data_type: int


def find_weights(model: ModelProto) -> Mapping[str, WeightTensor]:
    """The weights of a graph by their own names and by those that they get on their way to a layer.

    Weights are initializers and constants that a layer reads in the place of a weight or bias, and floating-point
    tensors of more than one number that another operator reads together with something computed by a layer (an added
    position, a learned scale). Integers that a DequantizeLinear reads stand for the numbers that come out. No weights
    are: scales and zero points, running statistics of BatchNorm, constants that operate on the images before the first
    layer (their mean and std), single numbers outside layers, and the tensors of subgraphs.
    """
    readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            readers[name].append((node, place))
    images = _before_the_first_layer(model.graph)

    def is_weight(node: NodeProto, place: int, *, real: bool, single: bool) -> bool:
        """Whether a layer, or an operator behind one, reads a stored value, of real numbers or single, as a weight."""
        if node.op_type in _RELAYS:
            real = real or node.op_type == "DequantizeLinear"
            return place == 0 and any(
                is_weight(*reader, real=real, single=single) for reader in readers[node.output[0]]
            )
        if node.op_type in OPERATORS:
            return place in OPERATORS[node.op_type].weights
        return real and not single and node.op_type not in _NO_WEIGHTS and images.isdisjoint(node.input)

    weights = {}
    for name, tensor in _stored(model.graph):
        real, numbers = tensor.data_type in _FLOATS, math.prod(tensor.dims)
        if any(is_weight(*reader, real=real, single=numbers == 1) for reader in readers[name]):
            weights[name] = _unpacked(name, readers[name]) or WeightTensor(name, numbers, tensor.data_type)
    for node in model.graph.node:
        if node.op_type in _RELAYS and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


def _unpacked(name: str, readers: list[tuple[NodeProto, int]]) -> WeightTensor | None:
    """The K x N numbers of 2, 4 or 8 bits that onnxruntime's MatMulNBits reads from a tensor of bytes."""
    for node, _place in readers:
        if node.op_type == "MatMulNBits" and (bits := _attribute(node, "bits", 4)) in (2, 4, 8):
            numbers = _attribute(node, "K", 0) * _attribute(node, "N", 0)
            return WeightTensor(name, numbers, TensorProto.DataType.Value(f"UINT{bits}"))
    return None


def _before_the_first_layer(graph: GraphProto) -> set[str]:
    """The graph's inputs and all that is computed from them without a layer."""
    images = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    behind: set[str] = set()
    for node in graph.node:  # in topological order, as ONNX demands
        if node.op_type in OPERATORS or not behind.isdisjoint(node.input):
            behind.update(node.output)
        elif not images.isdisjoint(node.input):
            images.update(node.output)
    return images


def _stored(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], attribute.t) for attribute in node.attribute if attribute.name == "value")
