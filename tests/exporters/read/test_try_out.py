"""Files from elsewhere are opened and called where time and memory are limited; more of them in tests/helpers."""

import os
import resource
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from exporters.errors import CallError, ExportError, FileError, MachineError, OnnxFileError
from exporters.read import try_out as trials
from exporters.read.try_out import try_out
from tests.exporters.onnx_files import Wanted, classifier, parse, save
from tests.helpers.command import ROOT
from tests.helpers.hostile_graphs import behind
from tests.helpers.hostile_onnx import HOSTILE

NAMED = {hostile.name: hostile for hostile in HOSTILE}


@pytest.mark.parametrize("name", ["endless loop", "growing loop", "nested functions"])
def test_a_file_without_end(name, tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "SECONDS", 2)
    path = NAMED[name].write(tmp_path)
    with pytest.raises(
        OnnxFileError, match=r"within 2 s of a processor .* GiB of memory, .*\.onnx (takes longer|needs more)"
    ):
        try_out(path)


@pytest.mark.parametrize("name", ["32 GB", "a petabyte", "32 GB in the call", "resize", "one hot"])
def test_a_file_that_asks_for_too_much_memory(name, tmp_path):
    with pytest.raises(OnnxFileError, match=r"of memory, .*hostile\.onnx needs more: .*allocate memory"):
        try_out(NAMED[name].write(tmp_path))


def grows_with_the_batch(path, *, numbers=100_000_000):
    """As many numbers for each image: by default 400 MB; a busy machine tries only a few images."""
    steps = """
        one = Slice(flat, zero, first, first)
        huge = Expand(one, shape)
        extra = ReduceMax<axes = [1], keepdims = 1>(huge)"""
    stored = {"zero": np.array([0]), "first": np.array([1]), "shape": np.array([1, numbers])}
    return save(behind(steps, stored), path)


def test_memory_that_grows_with_the_batch_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "MEMORY", 2**30)
    with pytest.raises(OnnxFileError, match=r"batch\.onnx needs more: expected scores for \[\d+, 1, 16, 16\] images"):
        try_out(grows_with_the_batch(tmp_path / "batch.onnx"))


def test_memory_that_the_machine_lacks_is_not_blamed_on_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1.25 * 2**30))
    with pytest.raises(MachineError, match=r"batch\.onnx may need 3\.\d GiB of memory: .*; close other programs, or"):
        try_out(grows_with_the_batch(tmp_path / "batch.onnx", numbers=500_000_000))
    with pytest.raises(OnnxFileError, match=r"hostile\.onnx needs more: .*allocate memory"):
        try_out(NAMED["32 GB"].write(tmp_path))


def test_a_fixed_batch_has_more_time(tmp_path):
    """It cannot be called with fewer images."""
    path = save(classifier(Wanted(batch=7)), tmp_path / "fixed.onnx")
    trial = trials.Trial(str(path), layout=None, channels=None, image_size=None, seconds=100, memory=2**32)
    child = os.fork()
    if not child:
        trials._answer(trial)
        os._exit(resource.getrlimit(resource.RLIMIT_CPU)[0])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 100 + 2 * 6


@pytest.mark.parametrize(("kind", "name"), [(FileError, "pipe"), (OnnxFileError, "noise"), (CallError, "attribute 1"),
                                            (CallError, "no images"), (OnnxFileError, "long chain")])  # fmt: skip
def test_other_faults_are_told_as_they_are_without_it(kind, name, tmp_path):
    path = NAMED[name].write(tmp_path)
    with pytest.raises(ExportError) as caught:
        try_out(path)
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_called_as_soon_as_its_image_size_is_known(tmp_path):
    free = save(classifier(Wanted(size=("h", "w"))), tmp_path / "free.onnx")
    assert not try_out(free)
    assert try_out(free, image_size=8)
    assert try_out(save(classifier(Wanted(batch=7)), tmp_path / "fixed.onnx"))


def test_a_file_is_called_as_the_user_describes_it(tmp_path):
    path = save(classifier(Wanted(layout="NHWC", channels="c", size=("h", "w"))), tmp_path / "net.onnx")
    with pytest.raises(OnnxFileError, match="try --layout"):
        try_out(path)
    assert try_out(path, layout="NHWC", channels=3, image_size=8)


def test_a_changed_file_is_tried_again(tmp_path):
    path = save(classifier(), tmp_path / "net.onnx")
    assert try_out(path)
    save(parse("(float[n, 3] x) => (float[n, 3] y) { y = Relu(x) }"), path)
    with pytest.raises(OnnxFileError, match="is it an image classifier"):
        try_out(path)


def test_limits_of_the_shell_stay(tmp_path):
    """Batch systems set them, and nobody may raise them."""
    path = save(classifier(Wanted()), tmp_path / "plain.onnx")
    code = f"from pathlib import Path; from exporters.read.try_out import try_out; print(try_out(Path({str(path)!r})))"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -v 6000000 -t 500; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")
