import numpy as np
import pytest
import torch
from onnx import helper
from torch.utils.flop_counter import FlopCounterMode

from exporters.read.operators import OPERATORS, is_uncounted, mac_rule


def products(operator: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], **attributes) -> int:
    """MACs of a node of these shapes; inputs are called a, b, c, ..."""
    names = "abcdefgh"[: len(inputs)]
    node = helper.make_node(operator, list(names), ["y"], **attributes)
    return OPERATORS[operator].macs(node, dict(zip(names, inputs, strict=True)) | {"y": output})


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
        ("i,j->ij", [(4,), (5,)], 0),  # nothing is summed: elements times elements, as a * b
        ("bchw,c->bchw", [(2, 3, 8, 8), (3,)], 0),
        ("bchw,c->bc", [(2, 3, 8, 8), (3,)], 0),  # h and w are added up in the first, then the same
        ("bchw,hk->bk", [(2, 3, 8, 8), (8, 5)], 2 * 8 * 5),  # c and w likewise
        ("bx,xk->bk", [(2, 1), (6, 5)], 0),  # one number meets a sum
        ("bchw->bc", [(2, 3, 8, 8)], 0),  # a sum
        ("ij->ji", [(2, 3)], 0),
        ("ij,jk,kl->il", [(2, 3), (3, 5), (5, 7)], 2 * 3 * 5 + 2 * 5 * 7),  # j is gone after the first product
        ("ij,jk,jl->ikl", [(2, 3), (3, 5), (3, 7)], 2 * 3 * 5 * 7),  # j is needed once more
    ],
)
def test_einsum(equation, shapes, macs):
    arrays = [np.ones(shape) for shape in shapes]
    output = np.einsum(equation.replace(" ", ""), *arrays)
    assert products("Einsum", shapes, output.shape, equation=equation) == macs
    with FlopCounterMode(display=False) as counter:
        torch.einsum(equation, *(torch.ones(shape) for shape in shapes))
    assert counter.get_total_flops() == 2 * macs


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "attributes", "macs"),
    [
        ("FusedMatMul", [(2, 3), (3, 5)], (2, 5), {}, 30),
        ("FusedMatMul", [(3, 2), (3, 5)], (2, 5), {"transA": 1}, 30),
        ("Gemm", [(3, 2), (5, 3)], (2, 5), {"transA": 1, "transB": 1}, 30),
        ("MatMulNBits", [(2, 64), (5, 1, 32)], (2, 5), {"K": 64, "N": 5, "bits": 4}, 2 * 64 * 5),
        ("DynamicQuantizeMatMul", [(2, 3), (3, 5)], (2, 5), {}, 30),
        # 3 heads, 7 queries and 9 keys of 4 numbers, values of 5
        ("Attention", [(2, 3, 7, 4), (2, 3, 9, 4), (2, 3, 9, 5)], (2, 3, 7, 5), {}, 2 * 3 * 7 * 9 * (4 + 5)),
        ("Attention", [(2, 7, 12), (2, 9, 12), (2, 9, 15)], (2, 7, 15), {}, 2 * 3 * 7 * 9 * (4 + 5)),
        ("DeformConv", [(1, 3, 8, 8), (6, 3, 3, 3), (1, 18, 6, 6)], (1, 6, 6, 6), {}, 6 * 36 * 27),
    ],
)
def test_products_by_hand(operator, inputs, output, attributes, macs):
    assert products(operator, inputs, output, **attributes) == macs


@pytest.mark.parametrize(
    ("operator", "domain"), [("LSTM", ""), ("GRU", ""), ("RNN", ""), ("Attention", "com.microsoft"), ("Softmax", "")]
)
def test_what_has_no_rule_is_not_counted_and_products_without_one_are_known(operator, domain):
    node = helper.make_node(operator, ["a"], ["y"], domain=domain)
    assert mac_rule(node) is None
    assert is_uncounted(node) == (operator != "Softmax")
