import numpy as np

from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing
from tests.exporters.networks import random_images
from tests.exporters.variants import MEAN, STD, answers, traces


def operators_of(mobile):
    return mobile.path.with_suffix(".required_operators.config")


def test_it_is_of_onnxruntimes_own_format_and_answers_as_the_source(made, source):
    images = random_images(5).numpy()
    assert (made["ort"].path.name, made["ort"].path.read_bytes()[4:8]) == ("net.ort", b"ORTM")
    np.testing.assert_allclose(answers(made["ort"].path, images), answers(source, images), atol=1e-5)


def test_the_operators_are_listed_without_a_layout_of_this_processor_or_traces_of_the_machine(made):
    config = operators_of(made["ort"])
    lines = config.read_text().splitlines()
    assert lines[0] == "# operators of net.ort"
    assert any(line.startswith("ai.onnx;") and "MaxPool" in line for line in lines)
    assert all(line.count(";") == 2 and "nchwc" not in line for line in lines[1:])
    assert traces(config) == []


def test_int8_and_raw_pixels(made, tmp_path):
    raw = embed_preprocessing(made["int8"].path, tmp_path / "net.int8.nhwc.onnx", mean=MEAN, std=STD)
    mobile = to_ort_format(raw.path, tmp_path)
    assert mobile.path.name == "net.int8.nhwc.ort"
    assert "QLinearConv" in operators_of(mobile).read_text()
