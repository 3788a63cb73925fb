"""ONNX's operators with weights or products: which of their inputs are weights, and how many multiply-accumulates.

Multiply-accumulates (MACs) follow from the shapes of a node's inputs and outputs; biases are not counted.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import torch
from onnx import NodeProto, helper
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
MacRule = Callable[[NodeProto, Mapping[str, Shape]], int]


class Operator(NamedTuple):
    """The places of its inputs that are weights or biases, and its MACs if it has any that are counted."""

    weights: tuple[int, ...]
    macs: MacRule | None = None


def _convolution(place: int) -> MacRule:
    """Every output number is a sum over one kernel of the weight (M, C/group, kernel...), the input at ``place``."""
    return lambda node, shapes: math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[place]][1:])


def _transposed_convolution(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every input number is multiplied with one kernel of the weight (C, M/group, kernel...)."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every output number is a sum over the last axis of the first input, the last but one if it is transposed."""
    summed = -2 if _attribute(node, "transA", 0) else -1
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][summed]


def _few_bits(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * int(_attribute(node, "K", 0))


def _attention(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every query meets every key (its last axis but one), every output number is a sum over the keys."""
    queries, keys, output = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
    return (math.prod(queries) + math.prod(output)) * keys[-2]


def _einsum(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """As torch counts: operands are multiplied two by two from the left, and summed as early as possible.

    Where no axis is left to sum over, the product is one of elements, as ``a * b`` is, which counts none.
    """
    operands = [torch.empty(shapes[name], device="meta") for name in node.input]
    with torch.backends.opt_einsum.flags(enabled=False), FlopCounterMode(display=False) as counter:
        torch.einsum(_attribute(node, "equation", b"").decode(), *operands)
    return int(counter.get_total_flops()) // 2


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


_RECURRENT: Final = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")

OPERATORS: Final[dict[str, Operator]] = {
    "Conv": Operator((1, 2), _convolution(1)),
    "ConvTranspose": Operator((1, 2), _transposed_convolution),
    "ConvInteger": Operator((1,), _convolution(1)),
    "DeformConv": Operator((1, 3), _convolution(1)),
    "FusedConv": Operator((1, 2), _convolution(1)),
    "QLinearConv": Operator((3, 8), _convolution(3)),
    "Gemm": Operator((0, 1, 2), _product),
    "FusedGemm": Operator((0, 1, 2), _product),
    "QGemm": Operator((0, 3, 6), _product),
    "MatMul": Operator((0, 1), _product),
    "FusedMatMul": Operator((0, 1), _product),
    "DynamicQuantizeMatMul": Operator((1, 4), _product),
    "MatMulInteger": Operator((0, 1), _product),
    "MatMulIntegerToFloat": Operator((0, 1, 6), _product),
    "MatMulNBits": Operator((1,), _few_bits),
    "QLinearMatMul": Operator((0, 3), _product),
    "Einsum": Operator((0, 1, 2, 3), _einsum),
    "Attention": Operator((0, 1, 2), _attention),
    **dict.fromkeys(_RECURRENT, Operator((1, 2, 3, 7))),
    "BatchNormalization": Operator((1, 2)),  # not the running mean and variance, which are no parameters
    "InstanceNormalization": Operator((1, 2)),
    "LayerNormalization": Operator((1, 2)),
    "GroupNormalization": Operator((1, 2)),
    "PRelu": Operator((1,)),
}


def mac_rule(node: NodeProto) -> MacRule | None:
    """The rule for a node; ``None`` where it has no products, or none that are counted."""
    operator = OPERATORS.get(node.op_type)
    return None if operator is None or is_uncounted(node) else operator.macs


def is_uncounted(node: NodeProto) -> bool:
    """Whether a node multiplies with matrices, but has no rule: recurrent layers, onnxruntime's attention blocks."""
    return node.op_type in _RECURRENT or (node.domain == "com.microsoft" and "Attention" in node.op_type)
