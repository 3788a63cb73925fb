import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from exporters.errors import ExportError
from exporters.int8.quantize import Int8Settings, quantize_int8
from exporters.int8.source import Int8Types
from tests.exporters.networks import CLASSES, SHAPE, random_images
from tests.exporters.onnx_files import parse
from tests.exporters.variants import answers, calibration, pooled, write_fp32


@pytest.fixture(scope="module")
def quantized(source):
    return quantize_int8(source, source.parent / "again.int8.onnx", calibration(), settings=Int8Settings())


@pytest.mark.parametrize("name", ["plain", "pooled", "not squeezed", "joined"])
def test_answers_stay_near_float32(name, tmp_path):
    source = write_fp32(tmp_path / "net.onnx", name)
    artifact, _ = quantize_int8(source, tmp_path / "net.int8.onnx", calibration(), settings=Int8Settings())
    images = random_images(64, seed=9).numpy()
    before, after = answers(source, images), answers(artifact.path, images)
    assert before.shape == after.shape == (64, CLASSES)
    assert 0 < np.abs(before - after).max() < 0.25 * before.std()
    assert np.sqrt(np.mean((before - after) ** 2)) < 0.03 * before.std()
    for count in (1, 3, 17):
        assert answers(artifact.path, images[:count]).shape == (count, CLASSES)


def test_weights_are_int8_with_a_scale_for_each_channel(quantized):
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(quantized[0].path).graph.initializer}
    kernel = stored["right.weight_quantized"]
    assert (kernel.dtype, kernel.shape) == (np.int8, (16, 8, 3, 3))
    scale = stored["right.weight_scale"]
    expected = np.abs(pooled().right.weight.detach().numpy()).max(axis=(1, 2, 3)) / 127.5
    assert quantized[0].size_bytes < sum(p.numel() for p in pooled().parameters()) + 30_000
    assert scale.shape == (16,)
    np.testing.assert_allclose(scale, expected, rtol=0.01)  # symmetric: the largest weight is 127
    assert np.abs(kernel.astype(int)).reshape(16, -1).max(axis=1).min() >= 126


def test_a_reduced_range_has_seven_bits_and_signed_activations_are_symmetric(source, tmp_path):
    settings = Int8Settings(Int8Types("int8", reduce_range=True))
    artifact, facts = quantize_int8(source, tmp_path / "net.onnx", calibration(), settings=settings)
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(artifact.path).graph.initializer}
    assert (facts.reduced_range, facts.activations) == (True, "int8")
    assert np.abs(stored["right.weight_quantized"].astype(int)).max() <= 64
    zeros = [value for name, value in stored.items() if "zero_point" in name]
    assert zeros
    assert all(value.dtype in (np.int8, np.int32) and not value.any() for value in zeros)


def test_the_facts_say_what_was_done(quantized):
    facts = quantized[1]
    assert (facts.scheme, facts.calibration) == ("static QDQ", "minmax")
    assert (facts.weights, facts.activations, facts.calibration_images) == ("int8", "uint8", 48)
    assert facts.per_channel
    assert facts.float_layers == ("stem", "squeeze")


def test_the_stem_and_the_logits_stay_float(quantized):
    graph = onnx.load(quantized[0].path).graph
    assert [entry.domain for entry in onnx.load(quantized[0].path).opset_import] == [""]
    operators = [node.op_type for node in graph.node if node.op_type != "DequantizeLinear"]  # weights' come first
    assert operators[:6] == ["Conv", "Relu", "MaxPool", "Conv", "Relu", "QuantizeLinear"]
    writer = next(node for node in graph.node if graph.output[0].name in node.output)
    assert writer.op_type != "DequantizeLinear"


def test_what_a_concat_joins_has_its_scale(quantized):
    graph = onnx.load(quantized[0].path).graph
    (joined,) = [node for node in graph.node if node.op_type == "Concat"]
    (after,) = [node for node in graph.node if joined.output[0] in node.input]
    before = [node for node in graph.node if set(node.output) & set(joined.input)]
    assert [node.op_type for node in (after, *before)] == ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear"]
    assert [list(node.input[1:]) for node in before] == [list(after.input[1:])] * 2


def test_float_logits_of_a_linear_head_are_not_rounded_to_256_steps(tmp_path):
    source = write_fp32(tmp_path / "net.onnx")
    artifact, _ = quantize_int8(source, tmp_path / "net.int8.onnx", calibration(), settings=Int8Settings())
    logits = answers(artifact.path, random_images(1000, seed=5).numpy())
    assert len(np.unique(logits)) > 1500  # of 5,000
    graph = onnx.load(artifact.path).graph
    used = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} <= used


@pytest.mark.parametrize("pool", ["GlobalAveragePool(scored)", "AveragePool<kernel_shape = [16, 16]>(scored)"])
def test_float_logits_of_a_pool_are_not_rounded_either(pool, tmp_path):
    random = np.random.default_rng(0)
    model = parse(
        f"""(float[batch, 3, 16, 16] images) => (float[batch, 5] logits) {{
        seen = Conv(images, w)
        scored = Conv(seen, v)
        pooled = {pool}
        logits = Flatten(pooled) }}""",
        {
            "w": random.standard_normal((8, 3, 1, 1), dtype=np.float32),
            "v": random.standard_normal((5, 8, 1, 1), dtype=np.float32),
        },
    )
    onnx.save(model, tmp_path / "net.onnx")
    artifact, facts = quantize_int8(
        tmp_path / "net.onnx", tmp_path / "q.onnx", calibration(), settings=Int8Settings(float_layers=("w",))
    )
    assert facts.float_layers == ("w",)
    images = random_images(100, seed=5).numpy()
    assert len(np.unique(answers(artifact.path, images))) > 300  # of 500
    assert "v_quantized" in {tensor.name for tensor in onnx.load(artifact.path).graph.initializer}


def test_arrays_and_tensors_calibrate_alike(quantized, source, tmp_path):
    arrays = [batch.numpy() for batch in calibration()]
    again, _ = quantize_int8(source, tmp_path / "net.onnx", iter(arrays), settings=Int8Settings())
    assert again.sha256 == quantized[0].sha256


def test_what_cannot_be_quantised(quantized, source, tmp_path):
    for path, images, message in (
        (source, [], "expected at least one batch of calibration images, got none"),
        (source, [torch.zeros(2, 1, *SHAPE[1:])], r"can quantise, .*net\.onnx gives"),
        (quantized[0].path, calibration(), "expected a float32 file with a convolution or linear layer"),
    ):
        with pytest.raises(ExportError, match=message):
            quantize_int8(path, tmp_path / "out.onnx", images, settings=Int8Settings())
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_images_is_told_as_it_is(source, tmp_path):
    def batches():
        yield from calibration()
        raise LookupError("a.png is damaged")

    with pytest.raises(LookupError, match=r"^'?a.png is damaged"):
        quantize_int8(source, tmp_path / "q.onnx", batches(), settings=Int8Settings())
