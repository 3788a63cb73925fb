"""Which numbers stored in an ONNX graph are weights, and not scales of quantisation, shapes or means of images."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_FLOATS: Final = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)

# Operators with weights -> the places of their inputs that are weights or biases.
_LAYERS: Final[dict[str, tuple[int, ...]]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "ConvInteger": (1,),
    "DeformConv": (1, 3),
    "FusedConv": (1, 2),
    "QLinearConv": (3, 8),
    "Gemm": (0, 1, 2),
    "FusedGemm": (0, 1, 2),
    "QGemm": (0, 3, 6),
    "MatMul": (0, 1),
    "FusedMatMul": (0, 1),
    "DynamicQuantizeMatMul": (1, 4),
    "Einsum": (0, 1, 2, 3),
    "MatMulInteger": (0, 1),
    "MatMulIntegerToFloat": (0, 1, 6),
    "MatMulNBits": (1,),
    "QLinearMatMul": (0, 3),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"), (1, 2, 3, 7)),
    "BatchNormalization": (1, 2),  # not the running mean and variance, which are no parameters
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "PRelu": (1,),
}
# Inputs that are never weights: scales, zero points, ranges, sizes.
_NO_WEIGHTS: Final = ("QuantizeLinear", "DynamicQuantizeLinear", "Clip", "Pad", "Resize", "Upsample")
_RELAYS: Final = ("Cast", "DequantizeLinear", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


@dataclass(frozen=True)
class WeightTensor:
    """A stored tensor of weights: its name, how many numbers it holds, its ``TensorProto`` type."""

    name: str
    numbers: int
    data_type: int


def find_weights(model: ModelProto) -> Mapping[str, WeightTensor]:
    """The weights of a graph, under their own names and those that they get on their way to a layer.

    Weights are initializers and constants that a layer reads in the place of a weight or bias, and
    floating-point tensors of more than one number that another operator reads together with something
    computed by a layer (an added position, a learned scale). Integers that a DequantizeLinear reads
    stand for the numbers that come out. No weights are: scales and zero points, running statistics
    of BatchNorm, constants that operate on the images before the first layer (their mean and std),
    single numbers outside layers, and the tensors of subgraphs.

    Returns:
        name of a value in the graph -> the tensor; a tensor may come under several names.
    """
    graph = _Readers(model.graph)
    weights = {
        name: WeightTensor(name, math.prod(tensor.dims), tensor.data_type)
        for name, tensor in _stored(model.graph)
        if graph.read_as_weight(name, number=tensor.data_type in _FLOATS, single=math.prod(tensor.dims) == 1)
    }
    for node in model.graph.node:
        if node.op_type in _RELAYS and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


class _Readers:
    """Who reads what in a graph."""

    def __init__(self, graph: GraphProto) -> None:
        self._readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
        for node in graph.node:
            for place, name in enumerate(node.input):
                self._readers[name].append((node, place))
        self._images = _before_the_first_layer(graph)

    def read_as_weight(self, name: str, *, number: bool, single: bool) -> bool:
        """Whether a layer or an operator behind one reads a stored value as a weight.

        Args:
            name: of the value.
            number: it stands for real numbers, by its type or after a DequantizeLinear.
            single: it is one number.
        """
        for node, place in self._readers[name]:
            if node.op_type in _RELAYS:
                real = number or node.op_type == "DequantizeLinear"
                found = place == 0 and self.read_as_weight(node.output[0], number=real, single=single)
            elif node.op_type in _LAYERS:
                found = place in _LAYERS[node.op_type]
            else:
                learned = number and not single and node.op_type not in _NO_WEIGHTS
                found = learned and self._images.isdisjoint(node.input)
            if found:
                return True
        return False


def _before_the_first_layer(graph: GraphProto) -> set[str]:
    """The graph's inputs and all that is computed from them without a layer."""
    images = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    behind: set[str] = set()
    for node in graph.node:  # in topological order, as ONNX demands
        if node.op_type in _LAYERS or not behind.isdisjoint(node.input):
            behind.update(node.output)
        elif not images.isdisjoint(node.input):
            images.update(node.output)
    return images


def _stored(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], attribute.t) for attribute in node.attribute if attribute.name == "value")
