import numpy as np
import pytest

from exporters.errors import CallError, MachineError, OnnxFileError, kind_of, reason_of
from exporters.measure.calls import RunnableFile, calls_of
from exporters.read.classifier import open_session
from exporters.read.session import run_logits
from tests.exporters.onnx_files import parse, save


def greedy_classifier(path):
    """Asks for a tensor of 2^46 numbers for every image."""
    proto = parse(
        """(float[n, 3, 8, 8] images) => (float[n, 3] logits) {
        means = ReduceMean<axes = [2, 3], keepdims = 0>(images)
        shape = Shape(means)
        count = Gather(shape, first)
        numbers = Mul(count, most)
        huge = ConstantOfShape(numbers)
        sum = ReduceSum<keepdims = 0>(huge)
        logits = Add(means, sum) }""",
        {"most": np.array([2**46]), "first": np.array([0])},
    )
    return save(proto, path)


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
    assert kind_of("no such shape", OnnxFileError) is OnnxFileError
