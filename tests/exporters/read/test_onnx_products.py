import numpy as np
import pytest
from onnx import helper

from exporters.read.onnx_products import PRODUCTS


def products(operator: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], **attributes) -> int:
    """MACs of a node of these shapes; inputs are called a, b, c, ..."""
    names = "abcdefgh"[: len(inputs)]
    node = helper.make_node(operator, list(names), ["y"], **attributes)
    return PRODUCTS[operator](node, dict(zip(names, inputs, strict=True)) | {"y": output})


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("ij,jk->ik", [(2, 3), (3, 5)], 2 * 3 * 5),
        ("ij,jk", [(2, 3), (3, 5)], 2 * 3 * 5),  # the output left to the rule
        ("b i d , b j d -> b i j", [(2, 3, 4), (2, 5, 4)], 2 * 3 * 5 * 4),  # attention
        ("...ij,...jk->...ik", [(7, 2, 3), (7, 3, 5)], 7 * 2 * 3 * 5),
        ("...ij,jk->...ik", [(7, 6, 2, 3), (3, 5)], 7 * 6 * 2 * 3 * 5),
        ("...ij,...jk->...ik", [(7, 1, 2, 3), (6, 3, 5)], 7 * 6 * 2 * 3 * 5),  # axes that are spread
        ("i,i->", [(9,), (9,)], 9),
        ("i,j->ij", [(4,), (5,)], 20),
        ("bchw->bc", [(2, 3, 8, 8)], 0),  # a sum
        ("ij->ji", [(2, 3)], 0),
        ("ij,jk,kl->il", [(2, 3), (3, 5), (5, 7)], 2 * 3 * 5 + 2 * 5 * 7),  # j is gone after the first product
        ("ij,jk,jl->ikl", [(2, 3), (3, 5), (3, 7)], 2 * 3 * 5 + 2 * 3 * 5 * 7),  # j is needed once more
    ],
)
def test_einsum(equation, shapes, macs):
    arrays = [np.ones(shape) for shape in shapes]
    output = np.einsum(equation.replace(" ", ""), *arrays)
    assert products("Einsum", shapes, output.shape, equation=equation) == macs
    if len(shapes) == 2:  # each product is of ones
        assert macs == round(np.einsum(equation.replace(" ", ""), *arrays).sum())


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "attributes", "macs"),
    [
        ("FusedMatMul", [(2, 3), (3, 5)], (2, 5), {}, 30),
        ("FusedMatMul", [(3, 2), (3, 5)], (2, 5), {"transA": 1}, 30),
        ("Gemm", [(3, 2), (5, 3)], (2, 5), {"transA": 1, "transB": 1}, 30),
        ("MatMulNBits", [(2, 64), (5, 1, 32)], (2, 5), {"K": 64, "N": 5, "bits": 4}, 2 * 64 * 5),
        ("DynamicQuantizeMatMul", [(2, 3), (3, 5)], (2, 5), {}, 30),
        ("DeformConv", [(1, 3, 8, 8), (6, 3, 3, 3), (1, 18, 6, 6)], (1, 6, 6, 6), {}, 6 * 36 * 27),
    ],
)
def test_products_by_hand(operator, inputs, output, attributes, macs):
    assert products(operator, inputs, output, **attributes) == macs
