"""Changes to INT8 graphs: each must leave the logits as they were."""

import numpy as np
import onnx
import pytest

from exporters.write.int8_graph import drop_unused_domains, float_layers, keep_logits_float, prepare_stem
from tests.exporters.networks import random_images
from tests.exporters.onnx_files import parse
from tests.exporters.variants import answers, write_fp32


@pytest.fixture
def source(tmp_path):
    return write_fp32(tmp_path / "net.onnx", "not squeezed")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pooled", ["Conv", "Relu", "MaxPool", "Conv", "Relu"]),  # the squeeze belongs to it
        ("plain", ["Conv", "Relu"]),
        ("wide", []),  # a first convolution of many channels is no stem
    ],
)
def test_the_stem_of_a_graph_that_stays_as_it_is(name, expected, tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx", name))
    before = model.SerializeToString(deterministic=True)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert [kinds[name] for name in prepare_stem(model)] == expected
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


def test_float_layers_are_named_by_their_weights(source):
    assert float_layers(onnx.load(source).graph) == ("stem", "squeeze", "left", "right", "head")
