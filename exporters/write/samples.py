"""ONNX files without weights: a network's graph in other channel counts, for timing alone.

Every weight is a ``ConstantOfShape``, which onnxruntime folds into a tensor when it opens the file: the optimised graph
is that of the real file, and the file has kilobytes.
"""

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from exporters.module_copy import copy_module
from exporters.read.onnx_file import read_onnx
from exporters.write.artifact import set_nodes
from exporters.write.onnx_export import export_onnx

Graph = ModelProto

_SMALL = 64  # elements: smaller tensors without a layer's name are constants of the graph


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
    """A copy whose initialisers have other numbers (see ``numbers_of``); weights of other shapes have no values.

    Depthwise convolutions get as many groups as they have channels.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    groups = {node.input[1]: group for node in copy.graph.node if (group := _depthwise_groups(node, copy.graph))}
    for tensor in copy.graph.initializer:
        if tensor.name in numbers:
            before, after = tuple(tensor.dims), numbers[tensor.name]
            if tensor.data_type == TensorProto.INT64:
                tensor.CopyFrom(numpy_helper.from_array(np.array(after, np.int64).reshape(before), tensor.name))
            elif before != after:
                tensor.CopyFrom(TensorProto(name=tensor.name, data_type=tensor.data_type, dims=after))
                if tensor.name in groups:
                    groups[tensor.name].i = groups[tensor.name].i * after[0] // before[0]
    del copy.graph.value_info[:]  # the shapes of tensors in between
    return copy


def _depthwise_groups(node: NodeProto, graph: GraphProto) -> onnx.AttributeProto | None:
    """The number of groups of a depthwise convolution: one input channel in each."""
    group = next((one for one in node.attribute if one.name == "group" and one.i > 1), None)
    if node.op_type != "Conv" or group is None:
        return None
    weight = next((one for one in graph.initializer if one.name == node.input[1]), None)
    return group if weight is not None and len(weight.dims) > 1 and weight.dims[1] == 1 else None


def without_weights(model: ModelProto, weights: Collection[str]) -> bytes:
    """The model's bytes with constants in place of the initialisers named in ``weights``, and of all large ones.

    A constant is 1 over the number of inputs of an output, so that activations neither grow nor vanish.
    """
    hollow = ModelProto()
    hollow.CopyFrom(model)
    graph, kept, constants = hollow.graph, [], []
    for tensor in hollow.graph.initializer:
        replaced = tensor.name in weights or math.prod(tensor.dims) >= _SMALL
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims or not replaced:
            kept.append(tensor)
            continue
        shape = f"{tensor.name}_shape"
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1 / math.prod(tensor.dims[1:])])
        kept.append(helper.make_tensor(shape, TensorProto.INT64, [len(tensor.dims)], tensor.dims))
        constants.append(helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value))
    nodes = [*constants, *graph.node]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    set_nodes(graph, nodes)
    return hollow.SerializeToString(deterministic=True)


def same_layout(one: ModelProto, other: ModelProto) -> bool:
    """Whether two models have the same nodes and initialisers, up to the values of floating-point weights."""
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
    return tensor.data_type == TensorProto.FLOAT and bool(tensor.dims)
