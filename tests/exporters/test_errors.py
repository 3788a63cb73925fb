import numpy as np
import pytest
from onnx import helper

from exporters.errors import CallError, MachineError, OnnxFileError, kind_of, reason_of
from exporters.measure.calls import RunnableFile, calls_of
from exporters.read.session import open_session, run_logits
from tests.exporters.onnx_files import FLOAT, model, save


def greedy_classifier(path):
    """Asks for a tensor of 2^46 numbers for every image."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Shape", ["means"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["count"]),
        helper.make_node("Mul", ["count", "most"], ["numbers"]),
        helper.make_node("ConstantOfShape", ["numbers"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["means", "sum"], ["logits"]),
    ]
    stored = {"most": np.array([2**46]), "first": np.array([0])}
    images, logits = {"images": (FLOAT, ["n", 3, 8, 8])}, {"logits": (FLOAT, ["n", 3])}
    return save(model(nodes, inputs=images, outputs=logits, stored=stored), path)


def test_want_of_memory_is_the_machine_s_fault(tmp_path):
    path = greedy_classifier(tmp_path / "greedy.onnx")
    with pytest.raises(MachineError):
        run_logits(open_session(path, threads=1), np.ones((1, 3, 8, 8), np.float32))
    with pytest.raises(MachineError, match=r"greedy\.onnx to answer"):
        calls_of(RunnableFile(path), batch_size=1, seed=0).open(threads=1)


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        (RuntimeError("Failed to allocate memory for requested buffer\nat line 3"), "Failed to allocate memory for "
         "requested buffer", MachineError),
        (MemoryError(), "MemoryError", MachineError),
        (MemoryError("std::bad_alloc"), "std::bad_alloc", MachineError),
        (ValueError("\n no such shape \n"), "no such shape", CallError),
    ],
)  # fmt: skip
def test_the_kind_of_a_failure(error, reason, kind):
    assert reason_of(error) == reason
    assert kind_of(reason) is kind


def test_the_kind_without_want_of_memory_is_the_caller_s():
    assert kind_of("no such shape", OnnxFileError) is OnnxFileError
