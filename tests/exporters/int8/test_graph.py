"""Changes to INT8 graphs: each must leave the logits as they were."""

import numpy as np
import onnx
import pytest

from exporters.int8.graph import drop_unused_domains, keep_logits_float, move_pools_ahead
from exporters.int8.layers import float_nodes, layers_of, stem_of
from tests.exporters.networks import random_images
from tests.exporters.onnx_files import parse
from tests.exporters.variants import answers, write_fp32


@pytest.fixture
def source(tmp_path):
    return write_fp32(tmp_path / "net.onnx", "not squeezed")


@pytest.mark.parametrize(
    ("name", "stem", "nodes"),
    [
        ("pooled", ("stem", "squeeze"), ["Conv", "Relu", "MaxPool", "Conv", "Relu"]),  # the squeeze belongs to it
        ("not squeezed", ("stem",), ["Conv", "Relu", "MaxPool"]),
        ("plain", ("0",), ["Conv", "Relu"]),
        ("wide", (), []),  # a first convolution of many channels is no stem
    ],
)
def test_the_stem_and_what_runs_in_float32_with_it(name, stem, nodes, tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", name))
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert stem_of(model) == stem
    assert [kinds[name] for name in float_nodes(model, stem)] == nodes


def test_what_reads_a_result_in_int8_too_is_not_in_float32(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", "joined"))
    kinds = {node.name: node.op_type for node in model.graph.node}
    some = [kinds[name] for name in float_nodes(model, ["stem", "left"])]
    assert some == ["Conv", "Relu", "Conv", "Sigmoid", "Mul", "Add"]  # not the concat: "right" is in INT8
    everything = float_nodes(model, [layer.name for layer in layers_of(model)])
    assert everything == [node.name for node in model.graph.node]


def test_a_layer_is_its_weights_and_the_activation_that_alone_reads_it(source):
    model = onnx.load(source)
    kinds = {node.name: node.op_type for node in model.graph.node}
    layers = [(layer.name, [kinds[name] for name in layer.nodes]) for layer in layers_of(model)]
    assert layers == [(name, ["Conv", "Relu"]) for name in ("stem", "squeeze", "left", "right", "head")]


def test_products_of_activations_and_shared_weights_have_names():
    model = parse(
        """(float[batch, 3] images) => (float[batch, 3] scores) {
        first = MatMul(images, w)
        second = MatMul(first, w)
        turned = Transpose(second)
        square = MatMul(second, turned)
        scores = MatMul(square, first) }""",
        {"w": np.eye(3, dtype=np.float32)},
    )
    for place, node in enumerate(model.graph.node):
        node.name = f"node{place}"
    assert [(layer.name, layer.nodes) for layer in layers_of(model)] == [
        ("w", ("node0", "node1")),
        ("node3", ("node3",)),
        ("node4", ("node4",)),
    ]


def test_a_transposed_convolution_is_no_layer_as_it_has_no_int8_kernel():
    model = parse(
        """(float[batch, 3, 4, 4] images) => (float[batch, 3, 5, 5] scores) {
        larger = ConvTranspose(images, up)
        scores = Conv(larger, last) }""",
        {"up": np.ones((3, 3, 2, 2), np.float32), "last": np.ones((3, 3, 1, 1), np.float32)},
    )
    assert [layer.name for layer in layers_of(model)] == ["last"]


def test_relu_and_pool_change_places_and_the_answers_stay_bit_for_bit(source):
    images = random_images(9).numpy()
    before = answers(source, images)
    model = onnx.load(source)
    nodes = float_nodes(model, stem_of(model))
    move_pools_ahead(model, nodes)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, source)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert [kinds[name] for name in nodes] == ["Conv", "LeakyRelu", "MaxPool"]
    assert [node.op_type for node in model.graph.node][:3] == ["Conv", "MaxPool", "LeakyRelu"]
    np.testing.assert_array_equal(answers(source, images), before)


def test_a_pool_stays_where_what_reads_it_is_in_float32_too(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", "pooled"))
    before = model.SerializeToString(deterministic=True)
    move_pools_ahead(model, float_nodes(model, stem_of(model)))
    assert model.SerializeToString(deterministic=True) == before


def quantised_output(*, more: str = "") -> onnx.ModelProto:
    """Logits that are rounded and read back; ``more`` reads the rounded tensor too."""
    return parse(
        f"""(float[batch, 3] images) => (float[batch, 3] logits) {{
        kept = Relu(images)
        rounded = QuantizeLinear(kept, scale, zero)
        logits = DequantizeLinear(rounded, scale, zero)
        {more} }}""",
        {"scale": np.float32(0.5), "zero": np.uint8(0)},
    )


def test_the_last_rounding_and_unused_operator_sets_are_removed(tmp_path):
    model = quantised_output()
    keep_logits_float(model)
    drop_unused_domains(model)
    assert [node.op_type for node in model.graph.node] == ["Relu"]
    assert len(model.graph.initializer) == 0
    assert [entry.domain for entry in model.opset_import] == [""]
    onnx.save(model, tmp_path / "net.onnx")
    np.testing.assert_array_equal(answers(tmp_path / "net.onnx", np.float32([[0.3, -1, 2]])), np.float32([[0.3, 0, 2]]))


def test_a_rounding_that_others_read_stays():
    model = quantised_output(more="reader = DequantizeLinear(rounded, scale, zero)")
    keep_logits_float(model)
    assert [node.op_type for node in model.graph.node].count("QuantizeLinear") == 1
