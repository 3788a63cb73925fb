import os
import socket
from pathlib import Path

import pytest

from exporters.errors import FileError
from exporters.read.regular_file import open_regular, read_regular


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory: paths of sockets have to be short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_is_read_whole_through_links_too(folder):
    (folder / "a").write_bytes(b"12345")
    (folder / "link").symlink_to("a")
    for name in ("a", "link"):
        assert read_regular(Path(name), limit=5) == b"12345"
    with open_regular(Path("a"), limit=5) as file:
        assert file.read(2) == b"12"


@pytest.mark.usefixtures("folder")
def test_a_pipe_a_socket_a_device_and_a_folder_are_named_without_waiting():
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        kinds = {"pipe": "a named pipe", "socket": "a socket", "/dev/zero": "a device", ".": "a folder"}
        for name, found in kinds.items():
            with pytest.raises(FileError, match=f"the pruning plan {name}: expected a regular file, got {found}"):
                read_regular(Path(name), limit=10, kind="pruning plan")


def test_a_link_to_itself_and_names_that_cannot_be_are_files_that_cannot_be_read(folder):
    (folder / "loop").symlink_to("loop")
    for name in ("loop", "absent", "x" * 5000, "a\0b", "a/b"):
        (folder / "a").touch()
        with pytest.raises(FileError, match="cannot read the file"):
            read_regular(Path(name), limit=10)


def test_a_large_file_is_refused_before_it_is_read(folder):
    with (folder / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(FileError, match=r"sparse: expected at most 1,000,000 bytes, got 1,099,511,627,776"):
        read_regular(Path("sparse"), limit=10**6)


def test_a_file_with_more_in_it_than_its_size_is_refused():
    status = Path("/proc/self/status")
    if status.exists():
        with pytest.raises(FileError, match="expected 0 bytes, got more"):
            read_regular(status, limit=10**6)
    else:
        assert not hasattr(os, "sched_getaffinity"), "Linux has this file"
