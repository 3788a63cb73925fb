import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from exporters.errors import ExportError
from exporters.write.fp16 import to_float16
from tests.exporters.networks import random_images
from tests.exporters.variants import answers, pooled, write_fp32


@pytest.fixture(scope="module")
def half(made):
    return made["fp16"]


def test_weights_are_rounded_to_half_precision_and_nothing_else_is(half):
    network = pooled()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() >= 16:
                parameter.copy_(parameter.half().float())
        images = random_images(16)
        expected = network(images).numpy()
    np.testing.assert_allclose(answers(half.path, images.numpy()), expected, atol=2e-6)


def test_only_the_weights_are_float16_under_their_old_names(half, source):
    graph = onnx.load(half.path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert stored["right.weight_float16"].dtype == np.float16
    assert any("right.weight" in node.input for node in graph.node if node.op_type == "Conv")
    assert [v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)] == [onnx.TensorProto.FLOAT] * 2
    weights = sum(p.numel() for p in pooled().parameters())
    assert 1.5 * weights < source.stat().st_size - half.size_bytes <= 2 * weights


def test_a_weight_beyond_float16_stays_float32(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx"))
    head = next(tensor for tensor in model.graph.initializer if tensor.name == "7.weight")
    head.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(head) * 1e6, head.name))
    onnx.save(model, tmp_path / "net.onnx")
    artifact = to_float16(tmp_path / "net.onnx", tmp_path / "net.fp16.onnx")
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(artifact.path).graph.initializer}
    assert kinds["7.weight"] == onnx.TensorProto.FLOAT
    assert kinds["3.weight_float16"] == onnx.TensorProto.FLOAT16


def test_a_second_time_there_is_nothing_to_halve_and_an_int8_file_keeps_its_int8_weights(made, half, tmp_path):
    with pytest.raises(ExportError, match="expected a file with float32 weights"):
        to_float16(half.path, tmp_path / "twice.onnx")
    both = to_float16(made["int8"].path, tmp_path / "both.onnx")
    kinds = {t.name: t.data_type for t in onnx.load(both.path).graph.initializer}
    assert kinds["right.weight_quantized"] == onnx.TensorProto.INT8
