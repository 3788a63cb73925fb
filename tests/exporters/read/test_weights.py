import numpy as np
import pytest

from exporters.read.operators import find_weights
from tests.exporters.onnx_files import classifier, parse

ONES = np.ones((1, 3, 1, 1), np.float32)
FILTERS = np.ones((4, 3, 2, 2), np.float32)
FOURS = np.ones(4, np.float32)

CASES = {
    "means and stds of images are none": (
        "centred = Sub(x, mean) same = Identity(std) scaled = Div(centred, same) y = Conv(scaled, filters)",
        {"mean": ONES, "std": ONES, "filters": FILTERS},
        {"filters": 48},
    ),
    "what is added or multiplied behind a layer is learned": (
        "maps = Conv(x, filters) placed = Add(maps, position) halved = Mul(placed, half) y = Mul(halved, gain)",
        {"filters": FILTERS, "position": np.ones((4, 7, 7), np.float32), "gain": FOURS, "half": np.float32(0.5)},
        {"filters": 48, "position": 196, "gain": 4},
    ),
    "running statistics, shapes and ranges are none": (
        """maps = Conv(x, filters) normal = BatchNormalization(maps, scale, shift, mean, variance)
        clipped = Clip(normal, low, high) y = Reshape(clipped, shape)""",
        {"filters": FILTERS, "low": np.float32(0), "high": np.float32(6), "shape": np.array([0, -1])}
        | dict.fromkeys(("scale", "shift", "mean", "variance"), FOURS),
        {"filters": 48, "scale": 4, "shift": 4},
    ),
    "quantised weights count, their scales do not": (
        """q = QuantizeLinear(x, step, zero) real = DequantizeLinear(q, step, zero)
        real_filters = DequantizeLinear<axis = 0>(filters, steps, zeros)
        real_bias = DequantizeLinear<axis = 0>(bias, steps) y = Conv(real, real_filters, real_bias)""",
        {"filters": FILTERS.astype(np.int8), "bias": np.ones(4, np.int32), "steps": FOURS,
         "zeros": np.zeros(4, np.int8), "step": np.float32(1), "zero": np.uint8(0)},
        {"filters": 48, "bias": 4},
    ),
    "a matrix on the left": ("y = MatMul(matrix, x)", {"matrix": np.ones((4, 4), np.float32)}, {"matrix": 16}),
    "a matrix on the right": ("y = MatMul(x, matrix)", {"matrix": np.ones((4, 4), np.float32)}, {"matrix": 16}),
    "a shared weight counts once": (
        "a = Conv(x, filters) b = Conv(x, filters) y = Add(a, b)", {"filters": FILTERS}, {"filters": 48},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "stored", "expected"), CASES.values(), ids=CASES)
def test_which_tensors_are_weights(nodes, stored, expected):
    weights = find_weights(parse(f"(float[] x) => (float[] y) {{ {nodes} }}", stored))
    assert {weight.name: weight.numbers for weight in weights.values()} == expected


def test_filters_matrix_and_bias():
    weights = {weight.name: weight.numbers for weight in find_weights(classifier()).values()}
    assert weights == {"filters": 12, "matrix": 20, "bias": 5}


def test_constants_in_nodes_and_names_on_the_way():
    proto = parse(
        """(float[n, 4] x) => (float[n, 5] y) {
        matrix = Constant<value = float[5, 2] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}>()
        turned = Transpose(matrix)
        y = MatMul(x, turned) }"""
    )
    weights = find_weights(proto)
    assert set(weights) == {"matrix", "turned"}
    assert weights["turned"] is weights["matrix"]
    assert weights["matrix"].numbers == 10
