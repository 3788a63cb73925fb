"""Multiply-accumulates of one node, from the shapes of what goes in and comes out; biases are not counted."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from onnx import NodeProto, helper

Shape = tuple[int, ...]
Products = Callable[[NodeProto, Mapping[str, Shape]], int]


def _convolution(place: int) -> Products:
    """Every output number is a sum over one kernel of the weight (M, C/group, kernel...), the input at ``place``."""
    return lambda node, shapes: math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[place]][1:])


def _transposed(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every input number is multiplied with one kernel of the weight (C, M/group, kernel...)."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _gemm(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    across = _attribute(node, "transA", 0)
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if across else 1]


def _product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    across = _attribute(node, "transA", 0)  # of onnxruntime's FusedMatMul alone
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if across else -1]


def _few_bits(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * int(_attribute(node, "K", 0))


def _recurrent(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every step of every sequence goes through W and R, which hold the weights of all gates and directions."""
    sequences, inputs, recurrence = (shapes[name] for name in node.input[:3])  # (steps, batch, I), either first
    return math.prod(sequences[:2]) * (math.prod(inputs) + math.prod(recurrence))


def _attention(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Every query meets every key (its last axis but one), every number of the answer is a sum over the keys."""
    if node.domain == "com.microsoft":  # another operator, of onnxruntime's
        return 0
    queries, keys, answer = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
    return (math.prod(queries) + math.prod(answer)) * keys[-2]


def _einsum(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Operands are multiplied two by two from the left; what nobody needs any more is added up on the way.

    As torch and onnxruntime do it: an axis that only one of the two has is added up before, and where none
    is left to sum over, the product is one of elements, as ``a * b`` is, which counts none.
    """
    terms, _arrow, kept = _attribute(node, "equation", b"").decode().replace(" ", "").partition("->")
    operands = [_labelled(term, shapes[name]) for term, name in zip(terms.split(","), node.input, strict=True)]
    if not _arrow:  # what comes once stays
        counts = Counter(label for term in terms.split(",") for label in term.replace("...", ""))
        kept = "".join(label for label, count in counts.items() if count == 1)
    broadcast = {label for operand in operands for label in operand if not isinstance(label, str)}
    product, macs = operands[0], 0
    for place, operand in enumerate(operands[1:], start=1):
        needed = set(kept) | broadcast | {label for later in operands[place + 1 :] for label in later}
        summed = {label for label in (product.keys() & operand) - needed if min(product[label], operand[label]) > 1}
        sizes = {label: max(product.get(label, 1), operand.get(label, 1)) for label in product | operand}
        if summed:
            macs += math.prod(size for label, size in sizes.items() if label in needed | summed)
        product = {label: size for label, size in sizes.items() if label in needed}
    return macs


def _labelled(term: str, shape: Shape) -> dict[str | int, int]:
    """Label of each axis -> its length; the axes of "..." are numbered from the last, -1."""
    before, dots, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after) if dots else 0
    labels: Sequence[str | int] = [*before, *range(-hidden, 0), *after]
    return dict(zip(labels, shape, strict=True))


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


PRODUCTS: Final[dict[str, Products]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "DeformConv": _convolution(1),
    "FusedConv": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "QGemm": _gemm,
    "MatMul": _product,
    "DynamicQuantizeMatMul": _product,
    "FusedMatMul": _product,
    "MatMulInteger": _product,
    "MatMulIntegerToFloat": _product,
    "MatMulNBits": _few_bits,
    "QLinearMatMul": _product,
    "Einsum": _einsum,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "DynamicQuantizeLSTM": _recurrent,
    "Attention": _attention,
}
"""Operators that multiply -> how often; all others count none, the sums of a mean or onnxruntime's attention blocks in
one node among them."""
