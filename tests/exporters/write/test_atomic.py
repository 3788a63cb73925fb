import os
import stat

import pytest

from exporters.write.atomic import write_atomically


def test_a_file_is_replaced_whole_and_a_failure_leaves_it_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    write_atomically(path, b"older")
    write_atomically(path, b"old")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]

    def disk_full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["n" * 255, "\u00e9" * 127])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_atomically(tmp_path / name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "net.onnx", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "net.onnx")}
    assert len(modes) == 1
