"""Changes to INT8 graphs: each must leave the logits as they were."""

import numpy as np
import onnx
import pytest
from onnx import helper

from exporters.write.int8_graph import drop_unused_domains, float_layers, keep_logits_float, prepare_stem
from tests.exporters.networks import random_images
from tests.exporters.onnx_files import FLOAT, model
from tests.exporters.variants import answers, write_fp32


@pytest.fixture
def source(tmp_path):
    return write_fp32(tmp_path / "net.onnx", "not squeezed")


def test_a_squeeze_belongs_to_the_stem_and_the_graph_stays(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", "pooled"))
    before = model.SerializeToString(deterministic=True)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert [kinds[name] for name in prepare_stem(model)] == ["Conv", "Relu", "MaxPool", "Conv", "Relu"]
    assert model.SerializeToString(deterministic=True) == before


def test_relu_and_pool_change_places_and_the_answers_stay_bit_for_bit(source):
    images = random_images(9).numpy()
    before = answers(source, images)
    model = onnx.load(source)
    stem = prepare_stem(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, source)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert [kinds[name] for name in stem] == ["Conv", "LeakyRelu", "MaxPool"]
    assert [node.op_type for node in model.graph.node][:3] == ["Conv", "MaxPool", "LeakyRelu"]
    np.testing.assert_array_equal(answers(source, images), before)


def test_a_stem_without_a_pool_is_its_convolution_and_activation(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx"))
    before = model.SerializeToString(deterministic=True)
    stem = prepare_stem(model)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert [kinds[name] for name in stem] == ["Conv", "Relu"]
    assert model.SerializeToString(deterministic=True) == before


def test_a_first_convolution_of_many_channels_is_no_stem(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", "wide"))
    assert prepare_stem(model) == ()


def quantised_output(between: str) -> onnx.ModelProto:
    """images -> Relu -> Quantize -> Dequantize -> logits, written by hand; ``between`` reads the rounded tensor too."""
    nodes = [
        helper.make_node("Relu", ["images"], ["kept"]),
        helper.make_node("QuantizeLinear", ["kept", "scale", "zero"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["rounded", "scale", "zero"], ["logits"]),
    ]
    if between:
        nodes.append(helper.make_node("DequantizeLinear", ["rounded", "scale", "zero"], [between]))
    stored = {"scale": np.float32(0.5), "zero": np.uint8(0)}
    threes = (FLOAT, ["batch", 3])
    return model(nodes, inputs={"images": threes}, outputs={"logits": threes}, stored=stored)


def test_the_last_rounding_goes(tmp_path):
    proto = quantised_output("")
    keep_logits_float(proto)
    assert [node.op_type for node in proto.graph.node] == ["Relu"]
    assert len(proto.graph.initializer) == 0
    onnx.save(proto, tmp_path / "net.onnx")
    np.testing.assert_array_equal(answers(tmp_path / "net.onnx", np.float32([[0.3, -1, 2]])), np.float32([[0.3, 0, 2]]))


def test_a_rounding_that_others_read_stays():
    proto = quantised_output("second reader")
    keep_logits_float(proto)
    assert [node.op_type for node in proto.graph.node].count("QuantizeLinear") == 1


def test_unused_operator_sets_go():
    proto = quantised_output("")
    drop_unused_domains(proto)
    assert [entry.domain for entry in proto.opset_import] == [""]


def test_float_layers_are_named_by_their_weights(source):
    assert float_layers(onnx.load(source).graph) == ("stem", "squeeze", "left", "right", "head")
