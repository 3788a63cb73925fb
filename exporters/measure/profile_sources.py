"""Which layer of a file a node of onnxruntime's optimised graph came from.

onnxruntime fuses and renames: a convolution in its blocked layout is called after the tensor it gives
("relu_3_nchwc"), a fused one after its node ("fused node_linear"), a moved one gets "_token_12".
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from onnx import NodeProto, helper

from exporters.measure.calls import RunnableFile
from exporters.read.cost import LayerCost, count_cost
from exporters.read.onnx_file import read_onnx

# What onnxruntime adds to a name.
_ADDED = re.compile(r"^(fused )+|_kernel_time$|_nchwc$|_token_\d+$|/duplicated$")
# What torch, Keras and the quantiser add to a layer's name in the name of its weight.
_WEIGHT = re.compile(r"\.(weight|kernel)(_quantized)?$")
# Operators that onnxruntime folds into the layer before them.
_FOLDED = frozenset({
    "Add", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "Mul", "QuantizeLinear", "Relu", "Sigmoid", "Tanh",
})  # fmt: skip


@dataclass(frozen=True)
class SourceLayer:
    """A layer of the file.

    Attributes:
        name: "features.3.squeeze" from its weight, else its node's.
        macs: multiply-accumulates for one image; ``None`` where it has no products.
        weight: the shape of its weight, () without one: [out, in / groups, ...] of a convolution.
        weight_bytes: size of its weight in the file.
    """

    name: str
    macs: int | None = None
    weight: tuple[int, ...] = ()
    weight_bytes: int = 0


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
        name = _without_additions(ran_as)
        node = self._nodes.get(name) or self._makers.get(name)
        if node is None:
            return SourceLayer(name or operator)
        if any(kind in operator for kind in ("Conv", "Gemm", "MatMul")):
            for maker in self._behind(node):
                if maker.name in self._costs:
                    return self._layer(self._costs[maker.name])
        return SourceLayer(_plain(node.name) or name)

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

    def _layer(self, cost: LayerCost) -> SourceLayer:
        name = _WEIGHT.sub("", cost.weight) if _WEIGHT.search(cost.weight) else _plain(cost.node)
        tensor = self._stored.get(cost.weight)
        if tensor is None:
            return SourceLayer(name, cost.macs)
        shape = tuple(tensor.dims)
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        return SourceLayer(name, cost.macs, shape, math.prod(shape) * size)


def _without_additions(name: str) -> str:
    while (shorter := _ADDED.sub("", name)) != name:
        name = shorter
    return name


def _plain(name: str) -> str:
    return name.removeprefix("node_")
