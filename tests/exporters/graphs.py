"""Classifiers made node by node, as other tools write them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def pooled_classifier(path: Path, *, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> Path:
    """Mean over the pixels, then a matrix to 5 classes; channels first or last, where ``shape`` has 3."""
    pixels = [1, 2] if shape[-1] == 3 else [2, 3]
    constants = [
        numpy_helper.from_array(np.array(pixels, np.int64), "pixels"),
        numpy_helper.from_array(np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32), "weight"),
    ]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], name="cast", to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "pixels"], ["pooled"], name="pool", keepdims=0),
        helper.make_node("MatMul", ["pooled", "weight"], ["logits"], name="head"),
    ]
    images = helper.make_tensor_value_info("images", dtype, list(shape))
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], 5])
    return save(helper.make_graph(nodes, "made by hand", [images], [logits], constants), path)


def save(graph: onnx.GraphProto, path: Path) -> Path:
    """Write a graph as a model of opset 18."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path
