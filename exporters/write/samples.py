"""ONNX files without weights: a network's graph in other channel counts, for timing alone.

Every weight is a ``ConstantOfShape``, which onnxruntime folds into a tensor when it opens the file: the optimised graph
is that of the real file, and the file has kilobytes.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from torch import nn

from exporters.module_copy import copy_module
from exporters.read.onnx_file import read_onnx
from exporters.write.artifact import set_nodes
from exporters.write.onnx_export import export_onnx

Graph = ModelProto

_SMALL: Final = 64  # elements: smaller tensors without a layer's name are constants of the graph
_WEIGHTS: Final = (TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32)


def export_graph(network: nn.Module, path: Path, *, input_shape: tuple[int, int, int], opset: int) -> Graph:
    """Export a copy with weights that all differ: equal tensors would become one, of several layers. Errors as there.

    ``path`` is where the file is written.
    """
    copy, generator = copy_module(network).cpu(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in copy.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    export_onnx(copy, path, input_shape=input_shape, opset=opset, metadata={})
    return read_onnx(path).model


def numbers_of(model: Graph, *, without: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Numbers that may follow the channels, by initialiser: shapes of weights, values of whole numbers.

    ``without`` some, by name.
    """
    others = [tensor for tensor in model.graph.initializer if tensor.name not in without and tensor.dims]
    shapes = {tensor.name: tuple(tensor.dims) for tensor in others if _is_weight(tensor)}
    whole = [tensor for tensor in others if tensor.data_type == TensorProto.INT64]
    return shapes | {tensor.name: tuple(numpy_helper.to_array(tensor).flatten().tolist()) for tensor in whole}


def in_other_widths(model: Graph, numbers: Mapping[str, tuple[int, ...]]) -> Graph:
    """A copy whose initialisers have other numbers (see ``numbers_of``), at most as many as before.

    Vectors keep their first values; weights of other shapes have none. Depthwise convolutions get as many groups as
    they have channels.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    groups = dict(_depthwise_groups(copy.graph))
    for tensor in copy.graph.initializer:
        if tensor.name in numbers:
            before, after = tuple(tensor.dims), numbers[tensor.name]
            if tensor.data_type == TensorProto.INT64:
                tensor.CopyFrom(numpy_helper.from_array(np.array(after, np.int64).reshape(before), tensor.name))
            elif before != after and len(after) == 1:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[: after[0]], tensor.name))
            elif before != after:
                tensor.CopyFrom(TensorProto(name=tensor.name, data_type=tensor.data_type, dims=after))
                if tensor.name in groups:
                    groups[tensor.name].i = groups[tensor.name].i * after[0] // before[0]
    del copy.graph.value_info[:]  # the shapes of tensors in between
    return copy


def _depthwise_groups(graph: GraphProto) -> Iterator[tuple[str, onnx.AttributeProto]]:
    """The weights of depthwise convolutions, by name, and their numbers of groups: one input channel in each."""
    stored = {one.name: one for one in graph.initializer}
    restored = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type == "Conv":
            weight = stored.get(restored.get(node.input[1], node.input[1]))
            group = next((one for one in node.attribute if one.name == "group" and one.i > 1), None)
            if group is not None and weight is not None and len(weight.dims) > 1 and weight.dims[1] == 1:
                yield weight.name, group


def without_weights(model: ModelProto, weights: Collection[str]) -> bytes:
    """The model's bytes with constants in place of the initialisers named in ``weights``, and of all large ones.

    Vectors of quantised layers stay: onnxruntime fuses such a layer only where its bias has the scale of its products.
    A constant is 1 over the number of inputs of an output, so that activations neither grow nor vanish; of whole
    numbers it is 1.
    """
    hollow = ModelProto()
    hollow.CopyFrom(model)
    graph, kept, constants = hollow.graph, [], []
    of_quantised = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.input}
    for tensor in hollow.graph.initializer:
        replaced = tensor.name in weights or math.prod(tensor.dims) >= _SMALL
        vector = len(tensor.dims) == 1 and tensor.name in of_quantised
        if not _is_weight(tensor) or not replaced or vector:
            kept.append(tensor)
            continue
        shape = f"{tensor.name}_shape"
        number = 1 / math.prod(tensor.dims[1:]) if tensor.data_type == TensorProto.FLOAT else 1
        value = helper.make_tensor("value", tensor.data_type, [1], [number])
        kept.append(helper.make_tensor(shape, TensorProto.INT64, [len(tensor.dims)], tensor.dims))
        constants.append(helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value))
    nodes = [*constants, *graph.node]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    set_nodes(graph, nodes)
    return hollow.SerializeToString(deterministic=True)


def same_layout(one: ModelProto, other: ModelProto) -> bool:
    """Whether two models have the same nodes and initialisers, up to the values of weights."""
    return _layout(one) == _layout(other)


def _layout(model: ModelProto) -> tuple[object, ...]:
    nodes = [
        (node.op_type, *node.input, *node.output, *sorted(one.SerializeToString() for one in node.attribute))
        for node in model.graph.node
    ]
    tensors = sorted(
        (one.name, one.data_type, tuple(one.dims), b"" if _is_weight(one) else one.SerializeToString())
        for one in model.graph.initializer
    )
    return nodes, tensors


def _is_weight(tensor: TensorProto) -> bool:
    return tensor.data_type in _WEIGHTS and bool(tensor.dims)
