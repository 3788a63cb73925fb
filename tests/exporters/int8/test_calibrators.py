"""Ranges by each rule, on values where the answer is known; and values that grow from batch to batch."""

import numpy as np
import onnx
import pytest

from exporters.errors import ExportError
from exporters.int8.calibrators import RULES
from exporters.int8.quantize import Int8Settings, quantize_int8
from exporters.int8.source import FloatFile, Int8Types
from tests.exporters.onnx_files import parse

HEAVY = np.maximum(np.random.default_rng(0).standard_t(4, size=(8, 1, 64, 64)), 0).astype(np.float32)


@pytest.fixture
def source(tmp_path):
    """Images times 1: the range of what goes in is that of the images."""
    model = parse(
        """(float[batch, 1, height, width] images) => (float[batch, 1, height, width] scores) {
        scores = Conv(images, w) }""",
        {"w": np.ones((1, 1, 1, 1), np.float32)},
    )
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def ranges_of(source, batches, rules=RULES, activations="uint8"):
    found = FloatFile(source, Int8Types(activations)).calibrate(batches, rules).ranges
    return {rule: tuple(np.ravel(tensors["images"].range_value).tolist()) for rule, tensors in found.items()}


def test_rules_cut_more_and_more_of_a_long_tail(source):
    ranges = ranges_of(source, [HEAVY])
    assert ranges["minmax"] == (0, HEAVY.max())
    assert np.quantile(HEAVY, 0.999) < ranges["percentile"][1] < HEAVY.max()
    assert ranges["entropy"][1] < 0.9 * HEAVY.max()  # not the whole range


@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_a_rule_whose_histogram_would_fill_the_memory_is_left_out(source, activations, capfd):
    ranges = ranges_of(source, [1e-9 * HEAVY, HEAVY], activations=activations)
    assert [*ranges] == ["minmax"]
    assert ranges["minmax"][1] == HEAVY.max()
    with pytest.raises(ExportError, match="one histogram holds, got some of a far larger batch; try the rule minmax"):
        ranges_of(source, [1e-9 * HEAVY, HEAVY], rules=("entropy",))
    assert capfd.readouterr() == ("", "")


def test_zeros_first_are_no_fault(source):
    ranges = ranges_of(source, [0 * HEAVY, HEAVY])
    assert [*ranges] == [*RULES]
    assert ranges["entropy"][1] > 1


def test_what_onnxruntime_warns_of_is_not_told_twice(source, caplog, capfd):
    model = onnx.load(source)  # a bias far beyond what 32 bits hold in steps of this scale
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([1e9]), "b"))
    model.graph.node[0].input.append("b")
    onnx.save(model, source)
    quantize_int8(source, source.with_name("q.onnx"), [HEAVY], settings=Int8Settings(float_layers=()))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_nodes_of_one_name_are_told_apart(source):
    model = onnx.load(source)
    first = model.graph.node[0]
    model.graph.node.append(onnx.helper.make_node("Conv", ["between", "w2"], ["scores"], name="same"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.full((1, 1, 1, 1), 3, np.float32), "w2"))
    first.name, first.output[0] = "same", "between"
    onnx.save(model, source)
    layers = FloatFile(source, Int8Types()).layers
    assert [layer.name for layer in layers] == ["w", "w2"]
    assert len({layer.nodes for layer in layers}) == 2
