"""Multiply-accumulates of one node, from the shapes of its inputs and outputs; biases are not counted."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from onnx import NodeProto, helper

Shape = tuple[int, ...]
MacRule = Callable[[NodeProto, Mapping[str, Shape]], int]


def _convolution(place: int) -> MacRule:
    """Every output number is a sum over one kernel of the weight (M, C/group, kernel...), the input at ``place``."""
    return lambda node, shapes: math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[place]][1:])


def _transposed_convolution(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every input number is multiplied with one kernel of the weight (C, M/group, kernel...)."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _matrix_product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
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
    """Operands are multiplied two by two from the left; what is not needed any more is summed on the way.

    As torch and onnxruntime do it: an axis that only one of the two has is summed before. Where no axis is
    left to sum over, the product is one of elements, as ``a * b`` is, which counts none.
    """
    inputs, arrow, kept = _attribute(node, "equation", b"").decode().replace(" ", "").partition("->")
    terms = inputs.split(",")
    operands = [_axis_lengths(term, shapes[name]) for term, name in zip(terms, node.input, strict=True)]
    if not arrow:  # labels that come once are kept
        kept = "".join(label for label in inputs if label.isalpha() and inputs.count(label) == 1)
    broadcast = {label for operand in operands for label in operand if not isinstance(label, str)}
    product, macs = operands[0], 0
    for place, operand in enumerate(operands[1:], start=1):
        needed = {*kept, *broadcast, *(label for later in operands[place + 1 :] for label in later)}
        summed = {label for label in (product.keys() & operand) - needed if min(product[label], operand[label]) > 1}
        sizes = {label: max(product.get(label, 1), operand.get(label, 1)) for label in product | operand}
        if summed:
            macs += math.prod(size for label, size in sizes.items() if label in needed | summed)
        product = {label: size for label, size in sizes.items() if label in needed}
    return macs


def _axis_lengths(term: str, shape: Shape) -> dict[str | int, int]:
    """Label of each axis -> its length; the axes of "..." are numbered from the last, -1."""
    before, dots, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after) if dots else 0
    labels: Sequence[str | int] = [*before, *range(-hidden, 0), *after]
    return dict(zip(labels, shape, strict=True))


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


MAC_RULES: Final[dict[str, MacRule]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "DeformConv": _convolution(1),
    "FusedConv": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed_convolution,
    "Gemm": _matrix_product,
    "FusedGemm": _matrix_product,
    "QGemm": _matrix_product,
    "MatMul": _matrix_product,
    "DynamicQuantizeMatMul": _matrix_product,
    "FusedMatMul": _matrix_product,
    "MatMulInteger": _matrix_product,
    "MatMulIntegerToFloat": _matrix_product,
    "MatMulNBits": _few_bits,
    "QLinearMatMul": _matrix_product,
    "Einsum": _einsum,
    "Attention": _attention,
}
"""Operator -> its rule."""
_WITHOUT_RULE: Final = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")


def mac_rule(node: NodeProto) -> MacRule | None:
    """The rule for a node; ``None`` where it has no products, or none that are counted."""
    return None if is_uncounted(node) else MAC_RULES.get(node.op_type)


def is_uncounted(node: NodeProto) -> bool:
    """Whether a node multiplies with matrices, but has no rule: recurrent layers, onnxruntime's attention blocks."""
    return node.op_type in _WITHOUT_RULE or (node.domain == "com.microsoft" and "Attention" in node.op_type)
