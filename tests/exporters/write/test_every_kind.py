"""What holds for every kind of file: it is described as it is, the same every time, without traces of this machine."""

import hashlib
import resource

import onnx
import pytest

from exporters.errors import FileError, OnnxFileError
from exporters.write.artifact import metadata_of
from tests.exporters.variants import KINDS, METADATA, make_all_elsewhere, traces, write_fp32

ALL = ["fp32", *KINDS]


@pytest.mark.parametrize("kind", ALL)
def test_the_artifact_describes_the_file_and_has_no_traces_of_the_machine(made, kind):
    data = made[kind].path.read_bytes()
    assert (made[kind].sha256, made[kind].size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert made[kind].denormals_flushed == 0
    assert traces(made[kind].path) == []


@pytest.mark.parametrize(
    ("kind", "changed"), [("fp32", {}), ("int8", {"precision": '"int8"'}), ("fp16", {"precision": '"fp16"'})]
)
def test_metadata_is_ours_and_kept(made, kind, changed):
    assert metadata_of(onnx.load(made[kind].path)) == METADATA | changed


def test_same_bytes_in_another_process_and_folder(made, tmp_path):
    make_all_elsewhere(tmp_path)
    for kind in ("fp32", "int8", "fp16", "nhwc"):  # onnxruntime writes its own format in hash order
        assert (tmp_path / made[kind].path.name).read_bytes() == made[kind].path.read_bytes(), kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_onnx_file(kind, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not onnx at all")
    with pytest.raises(OnnxFileError, match="is something else"):
        KINDS[kind](tmp_path / "bad.onnx", tmp_path)
    with pytest.raises(FileError, match="No such file"):
        KINDS[kind](tmp_path / "none.onnx", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_not_the_files_fault(kind, tmp_path):
    source, limits = write_fp32(tmp_path / "net.onnx", "pooled"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            KINDS[kind](source, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [source]
