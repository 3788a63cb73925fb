"""Graphs of classifiers, 16 x 16 grey pixels to three scores, that ask for too much or make no sense."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from tests.exporters.onnx_files import Wanted, classifier, parse

WANTED = Wanted(channels=1, size=(16, 16), classes=3)


def behind(steps: str, stored: dict[str, Any] | None = None) -> ModelProto:
    """A classifier that adds ``extra``, a number that ``steps`` compute from ``flat`` [n, 3], to its scores."""
    return parse(
        f"""(float[n, 1, 16, 16] pixels) => (float[n, 3] scores) {{
        maps = Conv(pixels, filters)
        means = GlobalAveragePool(maps)
        flat = Flatten(means)
        {steps}
        scores = Add(flat, extra) }}""",
        {"filters": np.ones((3, 1, 1, 1), np.float32)} | (stored or {}),
    )


def endless_loop() -> ModelProto:
    return behind(
        """sum = ReduceSum<keepdims = 0>(flat)
        extra = Loop (turns, true, sum) <body = turn (int64 i, bool go, float[] x) => (bool again, float[] y) {
            again = Identity(go)
            y = Add(x, one) }>""",
        {"turns": np.array(2**62), "true": np.array(True), "one": np.array(1, np.float32)},
    )


def growing_loop() -> ModelProto:
    return behind(
        """line = Reshape(flat, minus)
        longest = Loop (turns, true, line) <body = turn (int64 i, bool go, float[k] x) => (bool again, float[m] y) {
            again = Identity(go)
            y = Concat<axis = 0>(x, x) }>
        extra = ReduceSum<keepdims = 0>(longest)""",
        {"turns": np.array(40), "true": np.array(True), "minus": np.array([-1])},
    )


def nested_functions(levels: int = 30, *, endless: bool = False) -> ModelProto:
    """Each of ``levels`` functions calls the next one twice; the last the first, if ``endless``."""
    model = behind("extra = Identity(flat)")
    model.graph.node[3].op_type, model.graph.node[3].domain = "f0", "com.acme"
    for level in range(levels):
        last = level == levels - 1
        called, domain = ("f0", "com.acme") if endless and last else (f"f{level + 1}", "com.acme")
        if last and not endless:
            called, domain = "Neg", ""
        nodes = [
            helper.make_node(called, ["x"], ["h"], domain=domain),
            helper.make_node(called, ["h"], ["y"], domain=domain),
        ]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.acme", 1)]
        model.functions.append(helper.make_function("com.acme", f"f{level}", ["x"], ["y"], nodes, opsets))
    return model


def nested_branches(levels: int) -> ModelProto:
    """If inside If."""
    value = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    inner = helper.make_graph([helper.make_node("Identity", ["flat"], ["out"])], "leaf", [], [value])
    for level in range(levels):
        name = f"out{level}"
        node = helper.make_node("If", ["true"], [name], then_branch=inner, else_branch=inner if level < 3 else leaf())
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        inner = helper.make_graph([node], "branch", [], [output])
    model = behind("extra = Identity(flat)", {"true": np.array(True)})
    model.graph.node[3].CopyFrom(inner.node[0])
    model.graph.node[3].output[0] = "extra"
    return model


def leaf() -> onnx.GraphProto:
    value = helper.make_tensor_value_info("other", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node("Identity", ["flat"], ["other"])], "leaf", [], [value])


def declared(*, dims: list[int], data_type: int = TensorProto.FLOAT, raw: bytes = b"") -> ModelProto:
    """The stored number ``extra`` says that it has these dimensions."""
    model = behind("unused = Identity(flat)")
    model.graph.initializer.append(TensorProto(name="extra", dims=dims, data_type=data_type, raw_data=raw))
    return model


def outside(location: str, **entries: str) -> ModelProto:
    """The stored number ``extra`` is in another file."""
    model = declared(dims=[3])
    tensor = model.graph.initializer[-1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return model


def with_attribute(operator: str, **attributes: Any) -> ModelProto:
    """A classifier with attributes of one of its nodes changed."""
    model = classifier(WANTED)
    (node,) = (node for node in model.graph.node if node.op_type == operator)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return model


def with_shape(*, given: list[int | str], gives: list[int | str]) -> ModelProto:
    model = classifier(WANTED)
    for value, shape in ((model.graph.input[0], given), (model.graph.output[0], gives)):
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
    return model


def long_chain(operator: str, count: int) -> ModelProto:
    """A stored number goes through ``count`` operators."""
    steps = "\n".join(f"c{step + 1} = {operator}(c{step})" for step in range(count))
    return behind(f"{steps}\nextra = {operator}(c{count})", {"c0": np.zeros(3, np.float32)})


def changed(change: Callable[[onnx.GraphProto], Any]) -> ModelProto:
    """A classifier to whose graph something was done."""
    model = classifier(WANTED)
    change(model.graph)
    return model


def long_scan() -> ModelProto:
    return behind(
        """all = ConstantOfShape(count)
        extra, sums = Scan<num_scan_inputs = 1, body = turn (float[] s, float[] x) => (float[] t, float[k] y) {
            t = Add(s, x)
            y = Reshape(t, one) }>(zero, all)""",
        {"count": np.array([10**9]), "zero": np.array(0, np.float32), "one": np.array([1])},
    )
