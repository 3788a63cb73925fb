import hashlib
import os

import numpy as np
import onnx
import pytest

from exporters.errors import FileError, OnnxFileError
from exporters.read.classifier import open_session
from exporters.read.onnx_file import read_onnx
from exporters.read.session import run_logits
from tests.exporters.onnx_files import answer, classifier, save


@pytest.fixture
def whole(tmp_path):
    return save(classifier(), tmp_path / "net.onnx")


@pytest.fixture
def split(tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    path = folder / "net.onnx"
    onnx.save(classifier(), path, save_as_external_data=True, location="net.data", size_threshold=0)
    return path


def moved(path, **entries):
    """Say of every weight that it is elsewhere."""
    proto = onnx.load(path, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = entries.get(entry.key, entry.value)
    return save(proto, path)


def test_a_file_is_read_as_it_is(whole):
    file, data = read_onnx(whole), whole.read_bytes()
    assert (file.data, file.size_bytes, file.external) == (data, len(data), ())
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert [node.op_type for node in file.model.graph.node] == ["Conv", "GlobalAveragePool", "Flatten", "Gemm"]


def test_weights_beside_the_file_are_taken_in_and_counted(split):
    file, beside = read_onnx(split), split.parent / "net.data"
    assert file.external == (beside,)
    assert file.size_bytes == split.stat().st_size + beside.stat().st_size
    assert file.sha256 == hashlib.sha256(split.read_bytes() + beside.read_bytes()).hexdigest()
    images = np.random.default_rng(0).standard_normal((3, 3, 8, 8), dtype=np.float32)
    np.testing.assert_allclose(run_logits(open_session(split, threads=1), images), answer(images), atol=1e-5)


def test_a_weight_without_a_length_goes_to_the_end_of_its_file(split):
    proto = onnx.load(split, load_external_data=False)
    entries = [{entry.key: entry for entry in tensor.external_data} for tensor in proto.graph.initializer]
    last = max(range(len(entries)), key=lambda number: int(entries[number]["offset"].value))
    proto.graph.initializer[last].external_data.remove(entries[last]["length"])
    images = np.ones((1, 3, 8, 8), np.float32)
    logits = run_logits(open_session(save(proto, split), threads=1), images)
    np.testing.assert_allclose(logits, answer(images), atol=1e-5)


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../secret", "a/../../secret", "C:\\secret", "\\\\host\\secret", "..\\secret", ".", "", "net.data"],
)
def test_weights_elsewhere_are_refused(split, location):
    outside = split.parent.parent / "secret"
    os.replace(split.parent / "net.data", outside)
    (split.parent / "net.data").symlink_to(outside)
    with pytest.raises(OnnxFileError, match="inside the folder of"):
        read_onnx(moved(split, location=location))


def test_external_data_that_cannot_be_opened(split):
    with pytest.raises(OnnxFileError, match=r"cannot read the external data 'nnn.*net\.onnx: .*too long"):
        read_onnx(moved(split, location="n" * 5000))
    moved(split, location="net.data")
    (split.parent / "net.data").unlink()
    with pytest.raises(OnnxFileError, match=r"is at 'net.data', which is missing"):
        read_onnx(split)
    (split.parent / "net.data").symlink_to(split.parent / "net.data")
    with pytest.raises(OnnxFileError, match=r"net\.data"):
        read_onnx(split)


@pytest.mark.parametrize(
    ("entry", "value"),
    [("offset", "100000"), ("length", "100000"), ("offset", "-4"), ("length", "x"), ("length", "²"),
     ("offset", "9" * 5000)],
)  # fmt: skip
def test_a_place_outside_the_other_file(split, entry, value):
    with pytest.raises(OnnxFileError, match="truncated or of another model"):
        read_onnx(moved(split, **{entry: value}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x80\x02}q", "a pickle"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"\x18\x00\x00\x00ORTM", "mobile format"),
        (b"not onnx at all", "something else"),
        (b"\x08\x08", "truncated: it has no graph"),
    ],
)
def test_not_an_onnx_file(tmp_path, content, message):
    path = tmp_path / "odd.onnx"
    path.write_bytes(content)
    with pytest.raises(OnnxFileError, match=rf"odd\.onnx.*{message}"):
        read_onnx(path)


def test_every_truncation_is_noticed(whole):
    data = whole.read_bytes()  # the operator sets come last
    for length in range(len(data) - len(b"......com.acme......ai.onnx.ml")):
        whole.write_bytes(data[:length])
        with pytest.raises(OnnxFileError, match=r"net\.onnx"):
            open_session(whole, threads=1)


def test_a_folder_a_pipe_and_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    for name, fault in (("none.onnx", "No such file"), ("", "got a folder"), ("pipe.onnx", "got a named pipe")):
        with pytest.raises(FileError, match=rf"cannot read the ONNX file .*{name}: .*{fault}"):
            read_onnx(tmp_path / name)


def test_external_data_in_a_pipe(split):
    (split.parent / "net.data").unlink()
    os.mkfifo(split.parent / "net.data")
    with pytest.raises(OnnxFileError, match=r"is at 'net\.data', which is missing"):
        read_onnx(split)


def test_files_of_more_than_2_gib_are_not_read(whole, split):
    os.truncate(whole, 3 * 2**30)  # sparse
    with pytest.raises(FileError, match=r"at most 2,147,483,647 bytes, got 3,221,225,472"):
        read_onnx(whole)
    os.truncate(split.parent / "net.data", 2**31)
    with pytest.raises(OnnxFileError, match=r"less than 2 GiB, .* has 2\.0 GiB"):
        read_onnx(split)


@pytest.mark.parametrize("name", ["matrix", "scores", "GlobalAveragePool", "by hand"])
def test_text_that_is_not_utf_8(whole, name):
    data = whole.read_bytes()
    assert name.encode() in data
    whole.write_bytes(data.replace(name.encode(), b"\xff" * len(name)))
    with pytest.raises(OnnxFileError, match=r"net\.onnx is damaged: it has text that is not UTF-8, b'"):
        open_session(whole, threads=1)
