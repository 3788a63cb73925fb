import numpy as np
import onnxruntime
import pytest

from exporters.device.providers import choose_provider, nodes_by_provider
from exporters.errors import MachineError, SettingError
from exporters.read.session import session_options, start_session
from tests.exporters.onnx_files import classifier

CPU = "CPUExecutionProvider"
FILE = classifier().SerializeToString()
IMAGES = np.zeros((1, 3, 8, 8), np.float32)


@pytest.mark.parametrize("name", ["cpu", "CPU", CPU, CPU.lower()])
def test_a_provider_is_chosen_by_its_name(name):
    assert choose_provider(name) == CPU


def test_an_absent_provider_is_refused_with_those_there():
    with pytest.raises(SettingError, match=r"this onnxruntime has \(.*cpu.*\) for --provider, got 'abacus'"):
        choose_provider("abacus")


def test_the_package_that_has_a_provider_is_named():
    for name in ("cuda", "CUDAExecutionProvider"):
        if name not in onnxruntime.get_available_providers():
            with pytest.raises(SettingError, match="try the package onnxruntime-gpu in place of onnxruntime"):
                choose_provider(name)


def test_a_provider_that_does_not_start_is_an_error():
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(MachineError, match="expected CUDAExecutionProvider to start, onnxruntime uses CPU"),
    ):
        start_session(FILE, session_options(threads=1), path="a.onnx", provider="CUDAExecutionProvider")


def test_nodes_are_counted_by_the_provider_that_ran_them():
    nodes = nodes_by_provider(CPU, FILE, IMAGES, source="a.onnx")
    assert nodes.keys() == {CPU}
    assert (nodes[CPU]["Conv"], nodes[CPU]["Gemm"]) == (1, 1)


def test_a_compiling_provider_has_nodes_without_the_number_of_the_session():
    """Needs the package onnxruntime-openvino in place of onnxruntime."""
    if (openvino := "OpenVINOExecutionProvider") not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no OpenVINO")
    assert nodes_by_provider(openvino, FILE, IMAGES, source="a.onnx") == {openvino: {"OpenVINO-EP-subgraph": 1}}


def test_nodes_that_a_provider_does_not_take_fall_back_to_the_cpu():
    """Azure's, which the usual package has, runs only operators of its own."""
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has the CPU alone")
    nodes = nodes_by_provider("AzureExecutionProvider", FILE, IMAGES, source="a.onnx")
    assert nodes == nodes_by_provider(CPU, FILE, IMAGES, source="a.onnx")
