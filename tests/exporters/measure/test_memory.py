import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters.errors import CallError, FileError, MachineError
from exporters.measure.calls import RunnableFile
from exporters.measure.memory import MemoryUse, measure_memory
from tests.exporters.onnx_files import UINT8, Wanted, classifier, parse, save

MEGABYTE = 2**20


def heavy_classifier(path: Path, *, megabytes: int) -> Path:
    """A matrix of ``megabytes`` of float32."""
    width = megabytes * MEGABYTE // 4 // 192
    proto = parse(
        f"""(float[n, 3, 8, 8] images) => (float[n, {width}] logits) {{
        flat = Flatten(images)
        [head] logits = MatMul(flat, table) }}""",
        {"table": np.random.default_rng(0).random((192, width), dtype=np.float32)},
    )
    return save(proto, path)


def test_the_weights_are_in_the_peak_and_what_the_caller_holds_is_not(tmp_path):
    ballast = np.ones(200 * MEGABYTE // 8)  # resident here, not in the measuring process
    light = measure_memory(RunnableFile(heavy_classifier(tmp_path / "light.onnx", megabytes=1)))
    heavy = measure_memory(RunnableFile(heavy_classifier(tmp_path / "heavy.onnx", megabytes=40)))
    assert ballast.nbytes > heavy.peak_bytes
    assert 0 < light.peak_bytes < 30 * MEGABYTE
    assert 39 * MEGABYTE < heavy.peak_bytes - light.peak_bytes < 4 * 40 * MEGABYTE


def test_a_batch_of_bytes_channels_last(tmp_path):
    file = save(classifier(Wanted(layout="NHWC", dtype=UINT8, size=("h", "w"))), tmp_path / "odd.onnx")
    use = measure_memory(RunnableFile(file, 512), batch_size=4, threads=2)
    assert (use.batch_size, use.threads) == (4, 2)
    assert use.peak_bytes > 4 * 512 * 512 * 3 * 4  # the images as floats


def test_wrong_requests_and_a_failure_in_the_other_process_are_errors(tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        measure_memory(RunnableFile(tmp_path / "none.onnx", 8))
    four = save(classifier(Wanted(batch=4)), tmp_path / "four.onnx")
    with pytest.raises(CallError, match="batch of 4"):
        measure_memory(RunnableFile(four, 8), batch_size=1)
    proto = parse(
        """(float[n, 3, height, width] images) => (float[n, 2] logits) {
        flat = Reshape(images, shape) logits = MatMul(flat, weight) }""",
        {"shape": np.array([-1, 3 * 8 * 8]), "weight": np.ones((3 * 8 * 8, 2), np.float32)},
    )
    file = save(proto, tmp_path / "eight.onnx")
    assert measure_memory(RunnableFile(file, 8)) is not None
    with pytest.raises(CallError, match=r"eight\.onnx to open and run in a process of its own, it failed: .*eshape"):
        measure_memory(RunnableFile(file, 9))


def test_weights_in_another_file_count(tmp_path):
    whole = heavy_classifier(tmp_path / "whole.onnx", megabytes=20)
    split = tmp_path / "split.onnx"
    onnx.save(onnx.load(whole), split, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert split.stat().st_size < MEGABYTE
    assert measure_memory(RunnableFile(split)).peak_bytes > 20 * MEGABYTE


def test_what_the_machine_cannot_do(tmp_path, monkeypatch):
    file = RunnableFile(save(classifier(), tmp_path / "file.onnx"))
    assert isinstance(measure_memory(file), MemoryUse)
    with monkeypatch.context() as patch:  # a system that does not report memory
        patch.setattr("exporters.measure.memory.find_spec", lambda name: None if name == "resource" else importlib.util)
        assert measure_memory(file) is None
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", str(killed))
        with pytest.raises(MachineError, match=r"ended by signal 9; is there enough memory\? try a smaller batch"):
            measure_memory(file)
    monkeypatch.setattr("exporters.measure.memory._SECONDS", 0.001)
    with pytest.raises(MachineError, match=r"to answer one call within .* it did not"):
        measure_memory(file)
