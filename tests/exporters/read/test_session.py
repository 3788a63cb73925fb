import signal
from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters.errors import ExportError, OnnxFileError
from exporters.read.classifier import open_session
from exporters.read.session import SESSION_FACTS, providers_of, run_logits, session_options
from tests.exporters.networks import SHAPE
from tests.exporters.onnx_files import FLOAT, Wanted, answer, classifier, parse, save
from tests.exporters.variants import write_fp32
from tests.helpers.hostile_graphs import endless_loop


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return write_fp32(tmp_path_factory.mktemp("onnx") / "plain.onnx")


def test_a_session_on_the_cpu_with_the_threads_asked_for(file):
    options = session_options(threads=2)
    options.add_session_config_entry("session.disable_prepacking", "1")
    for session in (open_session(file, threads=2), open_session(file, threads=2, options=options)):
        used = session.get_session_options()
        assert session.get_providers() == ["CPUExecutionProvider"]
        assert (used.intra_op_num_threads, used.inter_op_num_threads) == (2, 1)
    assert used.get_session_config_entry("session.disable_prepacking") == "1"
    with pytest.raises(ExportError, match="at least 1 thread, got 0"):
        open_session(file, threads=0)


def test_the_facts_are_the_options(file):
    options = open_session(file, threads=2).get_session_options()
    assert {
        "provider": "CPUExecutionProvider",
        "graph optimisation": options.graph_optimization_level.name,
        "execution mode": options.execution_mode.name,
        "inter-op threads": str(options.inter_op_num_threads),
        "session.force_spinning_stop": options.get_session_config_entry("session.force_spinning_stop"),
    } == SESSION_FACTS
    assert SESSION_FACTS["graph optimisation"] == "ORT_ENABLE_ALL"
    assert SESSION_FACTS["session.force_spinning_stop"] == "1"


def test_a_provider_gets_its_threads_and_the_cpu_what_it_does_not_take():
    cpu = ("CPUExecutionProvider", {})
    assert providers_of("CPUExecutionProvider", threads=2) == [cpu]
    assert providers_of("CUDAExecutionProvider", threads=2) == [("CUDAExecutionProvider", {}), cpu]
    openvino = "OpenVINOExecutionProvider"
    assert providers_of(openvino, threads=2) == [(openvino, {"num_of_threads": "2"}), cpu]


def test_scores_of_one_pixel_maps_are_flattened(tmp_path):
    proto = classifier()
    proto.graph.node.append(onnx.helper.make_node("Unsqueeze", ["scores", "axes"], ["corners"]))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 3]), "axes"))
    proto.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("corners", FLOAT, ["n", 5, 1, 1]))
    images = np.ones((2, 3, 8, 8), np.float32)
    logits = run_logits(open_session(save(proto, tmp_path / "net.onnx"), threads=1), images)
    np.testing.assert_allclose(logits, answer(images), atol=1e-5)


@pytest.mark.parametrize("domain", ["", "com.acme"])
def test_operators_that_onnxruntime_lacks(domain, tmp_path):
    proto = classifier()
    proto.graph.node[1].op_type, proto.graph.node[1].domain = "Foo", domain
    with pytest.raises(OnnxFileError, match=r"net\.onnx gives: .*Foo.*lacks this operator"):
        open_session(save(proto, tmp_path / "net.onnx"), threads=1)


def test_a_graph_that_fails_on_its_images(tmp_path):
    proto = classifier(Wanted(size=("h", "w")))
    proto.graph.node[1].CopyFrom(onnx.helper.make_node("AveragePool", ["maps"], ["means"], kernel_shape=[8, 8]))
    session = open_session(save(proto, tmp_path / "net.onnx"), threads=1)
    assert run_logits(session, np.ones((1, 3, 8, 8), np.float32)).shape == (1, 5)
    with pytest.raises(ExportError, match=r"expected scores for \[1, 3, 12, 12\] images, onnxruntime fails"):
        run_logits(session, np.ones((1, 3, 12, 12), np.float32))


def test_no_image_classifier(tmp_path):
    path = save(parse("(float[n, 3] x) => (float[n, 3] y) { y = Relu(x) }"), tmp_path / "relu.onnx")
    with pytest.raises(OnnxFileError, match=r"one input \[batch, C, H, W\] or .*relu\.onnx takes x .*image classifier"):
        open_session(path, threads=1)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 1, 16, 16), np.float32), np.zeros((3, 16, 16), np.float32), np.zeros((1, *SHAPE))]
)
def test_images_of_another_shape_or_type(file, images):
    with pytest.raises(ExportError, match=r"expected float32 images of shape \['batch', 3, 16, 16\], got"):
        run_logits(open_session(file, threads=1), images)


def test_a_call_that_does_not_end_is_ended(monkeypatch, tmp_path):
    looping = open_session(save(endless_loop(), tmp_path / "loop.onnx"), threads=1)
    monkeypatch.setattr("exporters.read.session.CALL_SECONDS", 0.2)
    with pytest.raises(OnnxFileError, match=r"within 0\.2 s a call, got none"):
        run_logits(looping, np.zeros((2, 1, 16, 16), np.float32))


def test_a_signal_ends_a_call(tmp_path):
    looping = open_session(save(endless_loop(), tmp_path / "loop.onnx"), threads=1)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            run_logits(looping, np.zeros((2, 1, 16, 16), np.float32))
    finally:
        signal.signal(signal.SIGALRM, before)
