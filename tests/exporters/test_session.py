from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters.errors import ExportError, OnnxFileError
from exporters.onnx_export import export_onnx
from exporters.session import open_session, run_logits
from tests.exporters.networks import CLASSES, SHAPE, plain, random_images


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "plain.onnx"
    export_onnx(plain(), path, input_shape=SHAPE, opset=18, metadata={})
    return path


def test_a_session_on_the_cpu_with_the_threads_asked_for(file):
    session = open_session(file, threads=2)
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)


def test_any_batch_size_runs(file):
    session = open_session(file, threads=1)
    assert [run_logits(session, random_images(n).numpy()).shape for n in (1, 7)] == [(1, CLASSES), (7, CLASSES)]


def test_no_threads(file):
    with pytest.raises(ExportError, match="at least 1 thread, got 0"):
        open_session(file, threads=0)


def test_a_missing_file(tmp_path):
    with pytest.raises(OnnxFileError, match="cannot read"):
        open_session(tmp_path / "none.onnx", threads=1)


@pytest.mark.parametrize("content", [b"", b"not onnx at all"])
def test_not_an_onnx_file(tmp_path, content):
    path = tmp_path / "odd.onnx"
    path.write_bytes(content)
    with pytest.raises(OnnxFileError, match=r"odd\.onnx"):
        open_session(path, threads=1)


def test_a_truncated_file(file, tmp_path):
    path = tmp_path / "half.onnx"
    path.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(OnnxFileError, match=r"half\.onnx"):
        open_session(path, threads=1)


def test_weights_in_a_file_beside_it_are_read(file, tmp_path):
    path = tmp_path / "split.onnx"
    onnx.save(onnx.load(file), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    images = random_images(3).numpy()
    ours, theirs = (run_logits(open_session(one, threads=1), images) for one in (path, file))
    np.testing.assert_array_equal(ours, theirs)


def test_no_image_classifier(tmp_path):
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    path = tmp_path / "relu.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), path)
    with pytest.raises(OnnxFileError, match=r"one input \[batch, C, H, W\]"):
        open_session(path, threads=1)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 1, 16, 16), np.float32), np.zeros((3, 16, 16), np.float32), np.zeros((1, *SHAPE))]
)
def test_images_of_another_shape_or_type(file, images):
    with pytest.raises(ExportError, match=r"expected float32 images of shape \['batch', 3, 16, 16\], got"):
        run_logits(open_session(file, threads=1), images)
