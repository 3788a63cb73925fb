"""The layers of a graph that INT8 is decided for, one by one, and the nodes that run in float32 with them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from onnx import GraphProto, ModelProto, NodeProto

WEIGHTED: Final = ("Conv", "Gemm", "MatMul")  # onnxruntime has no INT8 kernel for ConvTranspose
_ACTIVATIONS: Final = ("Relu", "Clip", "LeakyRelu")
_FEW_CHANNELS: Final = 4


@dataclass(frozen=True)
class Layer:
    """A convolution or product, by the name of its weights without ``.weight``; layers that share weights are one.

    ``nodes`` also names the activation behind it, if nothing else reads its output.
    """

    name: str
    nodes: tuple[str, ...]


def layers_of(model: ModelProto) -> tuple[Layer, ...]:
    """All layers, in the order of the graph."""
    graph = model.graph
    found: dict[str, list[str]] = {}
    for node in graph.node:
        if node.op_type in WEIGHTED:
            together = [node, *only_reader(graph, node, _ACTIVATIONS)]
            found.setdefault(_name(node, graph), []).extend(one.name for one in together)
    return tuple(Layer(name, tuple(nodes)) for name, nodes in found.items())


def stem_of(model: ModelProto) -> tuple[str, ...]:
    """Layers at the start that are usually faster in float32; none if the first reads more than four channels.

    Nor are they ever all layers: one at least is left for INT8.

    An image has one or three channels: too few for onnxruntime's INT8 convolution, which gathers them
    byte by byte. On SqueezeNet, 48 x 48 grey pixels, that one layer took a third of the time (29 of 94
    microseconds; in float32 9). Where a max pool follows, so does a 1 x 1 convolution to fewer channels behind it,
    SqueezeNet's squeeze: there are fewer numbers to quantise after it.

    Measured at batch 1 on a processor with VNNI, all in INT8 -> with this stem: SqueezeNet 48 x 48 pruned 92 -> 74 us,
    SqueezeNet 224 3.6 -> 2.7 ms, ResNet-18 224 13.0 -> 11.4 ms, ResNet-18 32 4.5 -> 4.0 ms, AlexNet 64 no change.
    """
    graph, most = model.graph, len(layers_of(model)) - 1
    shapes = {tensor.name: [*tensor.dims] for tensor in graph.initializer}
    first = next((node for node in graph.node if node.op_type in WEIGHTED), None)
    if first is None or first.op_type != "Conv" or not 1 <= shapes.get(first.input[1], [0, 0])[1] <= _FEW_CHANNELS:
        return ()
    stem = [first]
    for kinds in (_ACTIVATIONS, ("MaxPool",), ("Conv",)):
        stem += only_reader(graph, stem[-1], kinds)
    behind = stem[-1]
    if [node.op_type for node in stem[-2:]] == ["MaxPool", "Conv"]:
        written, read, *kernel = shapes.get(behind.input[1], [0, 0])
        if kernel == [1, 1] and written < read:
            return (_name(first, graph), _name(behind, graph))[:most]
    return (_name(first, graph),)[:most]


def float_nodes(model: ModelProto, layers: Collection[str]) -> list[str]:
    """The nodes of these layers, and those without weights that read nothing but their results: pools, sums, ..."""
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    results: set[str] = set()
    nodes: list[str] = []
    for node in graph.node:
        if node.op_type in WEIGHTED:
            in_float = _name(node, graph) in layers
        else:
            read = {name for name in node.input if name} - stored
            in_float = bool(read) and read <= results
        if in_float:
            nodes.append(node.name)
            results.update(node.output)
    return nodes


def only_reader(graph: GraphProto, node: NodeProto, kinds: tuple[str, ...]) -> list[NodeProto]:
    """The node that reads another's output, if it is the only one and of these kinds."""
    found = [reader for reader in graph.node if node.output[0] in reader.input]
    return found if len(found) == 1 and found[0].op_type in kinds else []


def _name(node: NodeProto, graph: GraphProto) -> str:
    stored = any(tensor.name == node.input[1] for tensor in graph.initializer)
    return node.input[1].removesuffix(".weight") if stored else node.name
