import hashlib

import numpy as np
import pytest

from exporters.errors import OnnxFileError
from exporters.write.int8 import Int8Settings, quantize_int8
from exporters.write.ort_format import to_ort_format
from exporters.write.raw_pixels import embed_preprocessing
from tests.exporters.networks import random_images
from tests.exporters.variants import MEAN, STD, answers, calibration, traces, write_fp32


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_fp32(tmp_path_factory.mktemp("ort") / "net.onnx", "pooled")


def operators_of(made):
    return made.path.with_suffix(".required_operators.config")


@pytest.fixture(scope="module")
def made(source):
    return to_ort_format(source, source.parent)


def test_it_opens_and_answers_as_the_source(made, source):
    images = random_images(5).numpy()
    np.testing.assert_allclose(answers(made.path, images), answers(source, images), atol=1e-5)


def test_it_is_onnxruntimes_own_format_and_described_as_it_is(made):
    data = made.path.read_bytes()
    assert data[4:8] == b"ORTM"
    assert (made.path.name, made.size_bytes, made.sha256) == ("net.ort", len(data), hashlib.sha256(data).hexdigest())


def test_the_operators_are_listed_and_nothing_tells_of_the_machine(made):
    lines = operators_of(made).read_text().splitlines()
    assert lines[0] == "# operators of net.ort"
    assert any(line.startswith("ai.onnx;") and "MaxPool" in line for line in lines)
    assert all(line.count(";") == 2 for line in lines[1:])
    assert traces(made.path) == traces(operators_of(made)) == []


def test_no_layout_of_this_processor_alone(made):
    assert "nchwc" not in operators_of(made).read_text()


def test_int8_and_raw_pixels(source, tmp_path):
    int8, _ = quantize_int8(source, tmp_path / "net.int8.onnx", calibration(), settings=Int8Settings())
    raw = embed_preprocessing(int8.path, tmp_path / "net.int8.nhwc.onnx", mean=MEAN, std=STD)
    made = to_ort_format(raw.path, tmp_path)
    assert made.path.name == "net.int8.nhwc.ort"
    assert "QLinearConv" in operators_of(made).read_text()


def test_what_is_no_onnx_file(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"\x00\x01\x02")
    with pytest.raises(OnnxFileError):
        to_ort_format(tmp_path / "bad.onnx", tmp_path)
