import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from exporters.errors import ExportError
from exporters.write.artifact import metadata_of
from exporters.write.fp16 import to_float16
from exporters.write.int8 import Int8Settings, quantize_int8
from tests.exporters.networks import CLASSES, random_images
from tests.exporters.variants import METADATA, answers, calibration, made_elsewhere, pooled, traces, write_fp32


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_fp32(tmp_path_factory.mktemp("fp16") / "net.onnx", "pooled")


@pytest.fixture(scope="module")
def made(source):
    return to_float16(source, source.parent / "net.fp16.onnx")


def test_weights_are_rounded_to_half_precision_and_nothing_else_is(made):
    network = pooled()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() >= 16:
                parameter.copy_(parameter.half().float())
        images = random_images(16)
        expected = network(images).numpy()
    np.testing.assert_allclose(answers(made.path, images.numpy()), expected, atol=2e-6)


def test_stored_as_float16_and_named_as_before(made):
    graph = onnx.load(made.path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert stored["right.weight_float16"].dtype == np.float16
    assert any("right.weight" in node.input for node in graph.node if node.op_type == "Conv")


def test_input_and_output_stay_float32(made):
    graph = onnx.load(made.path).graph
    assert [v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)] == [onnx.TensorProto.FLOAT] * 2
    assert answers(made.path, random_images(3).numpy()).shape == (3, CLASSES)


def test_half_the_weights_bytes(made, source):
    weights = sum(p.numel() for p in pooled().parameters())
    saved = source.stat().st_size - made.size_bytes
    assert 1.5 * weights < saved <= 2 * weights


def test_a_weight_beyond_float16_stays_float32(tmp_path):
    model = onnx.load(write_fp32(tmp_path / "net.onnx"))
    head = next(tensor for tensor in model.graph.initializer if tensor.name == "7.weight")
    head.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(head) * 1e6, head.name))
    onnx.save(model, tmp_path / "net.onnx")
    artifact = to_float16(tmp_path / "net.onnx", tmp_path / "net.fp16.onnx")
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(artifact.path).graph.initializer}
    assert kinds["7.weight"] == onnx.TensorProto.FLOAT
    assert kinds["3.weight_float16"] == onnx.TensorProto.FLOAT16


def test_metadata_is_kept_and_nothing_tells_of_the_machine(made):
    assert metadata_of(onnx.load(made.path)) == METADATA | {"precision": '"fp16"'}
    assert traces(made.path) == []


def test_same_bytes_in_another_process(made, source, tmp_path):
    code = "from exporters.write.fp16 import to_float16\nto_float16(source, target)"
    assert made_elsewhere(code, source, tmp_path / "other.onnx") == made.path.read_bytes()


def test_what_has_no_float32_weights(made, tmp_path):
    with pytest.raises(ExportError, match="expected a file with float32 weights"):
        to_float16(made.path, tmp_path / "twice.onnx")


def test_an_int8_file_keeps_its_int8_weights(source, tmp_path):
    int8, _ = quantize_int8(source, tmp_path / "net.int8.onnx", calibration(), settings=Int8Settings())
    both = to_float16(int8.path, tmp_path / "both.onnx")
    kinds = {t.name: t.data_type for t in onnx.load(both.path).graph.initializer}
    assert kinds["right.weight_quantized"] == onnx.TensorProto.INT8
