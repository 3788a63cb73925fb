"""Which numbers stored in an ONNX graph are weights, and not scales of quantisation, shapes or means of images."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from exporters.read.operators import OPERATORS

_FLOATS: Final = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
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
        if graph.read_as_weight(name, real=tensor.data_type in _FLOATS, single=math.prod(tensor.dims) == 1)
    }
    for node in model.graph.node:
        if node.op_type in _RELAYS and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


class _Readers:
    """Which nodes read a value of a graph, and in which place of their inputs."""

    def __init__(self, graph: GraphProto) -> None:
        self._readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
        for node in graph.node:
            for place, name in enumerate(node.input):
                self._readers[name].append((node, place))
        self._images = _before_the_first_layer(graph)

    def read_as_weight(self, name: str, *, real: bool, single: bool) -> bool:
        """Whether a layer, or an operator behind one, reads a stored value as a weight.

        ``real``: it stands for real numbers, by its type or after a DequantizeLinear. ``single``: it is one number.
        """
        return any(self._is_weight(node, place, real=real, single=single) for node, place in self._readers[name])

    def _is_weight(self, node: NodeProto, place: int, *, real: bool, single: bool) -> bool:
        if node.op_type in _RELAYS:
            real = real or node.op_type == "DequantizeLinear"
            return place == 0 and self.read_as_weight(node.output[0], real=real, single=single)
        if node.op_type in OPERATORS:
            return place in OPERATORS[node.op_type].weights
        learned = real and not single and node.op_type not in _NO_WEIGHTS
        return learned and self._images.isdisjoint(node.input)


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
