import numpy as np
import pytest
from onnx import TensorProto, helper

from exporters.read.weights import find_weights
from tests.exporters.onnx_files import FLOAT, Wanted, classifier, model


def found(nodes, stored, *, inputs=("x",)):
    proto = model(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
        inputs=dict.fromkeys(inputs, (FLOAT, None)),
        outputs={"y": (FLOAT, None)},
        stored=stored,
    )
    return {weight.name: weight.numbers for weight in find_weights(proto).values()}


ONES = np.ones((1, 3, 1, 1), np.float32)
FILTERS = np.ones((4, 3, 2, 2), np.float32)


def test_filters_matrix_and_bias():
    weights = {weight.name: weight.numbers for weight in find_weights(classifier(Wanted())).values()}
    assert weights == {"filters": 12, "matrix": 20, "bias": 5}


def test_means_and_stds_of_images_are_none():
    nodes = [
        ("Sub", ["x", "mean"], ["centred"]),
        ("Identity", ["std"], ["same"]),
        ("Div", ["centred", "same"], ["scaled"]),
        ("Conv", ["scaled", "filters"], ["y"]),
    ]
    assert found(nodes, {"mean": ONES, "std": ONES, "filters": FILTERS}) == {"filters": 48}


def test_what_is_added_or_multiplied_behind_a_layer_is_learned():
    nodes = [
        ("Conv", ["x", "filters"], ["maps"]),
        ("Add", ["maps", "position"], ["placed"]),
        ("Mul", ["placed", "half"], ["halved"]),
        ("Mul", ["halved", "gain"], ["y"]),
    ]
    stored = {"filters": FILTERS, "position": np.ones((4, 7, 7), np.float32), "gain": np.ones(4, np.float32)}
    assert found(nodes, stored | {"half": np.float32(0.5)}) == {"filters": 48, "position": 196, "gain": 4}


def test_running_statistics_shapes_and_ranges_are_none():
    nodes = [
        ("Conv", ["x", "filters"], ["maps"]),
        ("BatchNormalization", ["maps", "scale", "shift", "mean", "variance"], ["normal"]),
        ("Clip", ["normal", "low", "high"], ["clipped"]),
        ("Reshape", ["clipped", "shape"], ["y"]),
    ]
    fours = {name: np.ones(4, np.float32) for name in ("scale", "shift", "mean", "variance")}
    ends = {"low": np.float32(0), "high": np.float32(6), "shape": np.array([0, -1])}
    assert found(nodes, {"filters": FILTERS} | fours | ends) == {"filters": 48, "scale": 4, "shift": 4}


def test_quantised_weights_count_their_scales_do_not():
    nodes = [
        ("QuantizeLinear", ["x", "step", "zero"], ["q"]),
        ("DequantizeLinear", ["q", "step", "zero"], ["real"]),
        ("DequantizeLinear", ["filters", "steps", "zeros"], ["real filters"], {"axis": 0}),
        ("DequantizeLinear", ["bias", "steps"], ["real bias"], {"axis": 0}),
        ("Conv", ["real", "real filters", "real bias"], ["y"]),
    ]
    stored = {
        "filters": FILTERS.astype(np.int8),
        "bias": np.ones(4, np.int32),
        "steps": np.ones(4, np.float32),
        "zeros": np.zeros(4, np.int8),
        "step": np.float32(1),
        "zero": np.uint8(0),
    }
    assert found(nodes, stored) == {"filters": 48, "bias": 4}


def test_constants_in_nodes_and_names_on_the_way():
    tensor = helper.make_tensor("unnamed", TensorProto.FLOAT, [5, 4], np.ones(20))
    proto = model(
        [
            helper.make_node("Constant", [], ["matrix"], value=tensor),
            helper.make_node("Transpose", ["matrix"], ["turned"]),
            helper.make_node("MatMul", ["x", "turned"], ["y"]),
        ],
        inputs={"x": (FLOAT, ["n", 4])},
        outputs={"y": (FLOAT, ["n", 5])},
    )
    weights = find_weights(proto)
    assert set(weights) == {"matrix", "turned"}
    assert weights["turned"] is weights["matrix"]
    assert weights["matrix"].numbers == 20


@pytest.mark.parametrize("place", [0, 1])
def test_a_matrix_on_either_side(place):
    names = ["matrix", "x"] if place == 0 else ["x", "matrix"]
    assert found([("MatMul", names, ["y"])], {"matrix": np.ones((4, 4), np.float32)}) == {"matrix": 16}


def test_a_shared_weight_counts_once():
    nodes = [("Conv", ["x", "filters"], ["a"]), ("Conv", ["x", "filters"], ["b"]), ("Add", ["a", "b"], ["y"])]
    assert found(nodes, {"filters": FILTERS}) == {"filters": 48}
