"""Files from elsewhere, opened without risk: regular files of bounded size only.

To open a named pipe waits for somebody to write to it, a device may never end, and a file may be larger than memory.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from exporters.errors import ExportError, FileError, MachineError

_MACHINE_FAULTS: Final = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT)
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, *, limit: int, kind: str = "file") -> BufferedReader:
    """Open a regular file for reading; links to regular files are followed.

    Args:
        path: the file.
        limit: its largest size, bytes.
        kind: what the file should be, for messages: "pruning plan".

    Raises:
        FileError: it is missing, not readable, no regular file, or larger than ``limit``.
        MachineError: the disk or the network failed, or too many files are open.
    """
    try:
        _check_type(os.stat(path), path, kind)  # to open a device may already act on it
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)  # what was opened, should the path have been replaced
            _check_type(status, path, kind)
            if status.st_size > limit:
                raise FileError(
                    f"cannot read the {kind} {path}: expected at most {limit:,} bytes, got {status.st_size:,}"
                )
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unreadable(path, kind, error) from error


def read_regular(path: Path, *, limit: int, kind: str = "file") -> bytes:
    """The content of a regular file; arguments and errors as in ``open_regular``."""
    return read_with_status(path, limit=limit, kind=kind)[0]


def read_with_status(path: Path, *, limit: int, kind: str = "file") -> tuple[bytes, os.stat_result]:
    """``read_regular``, and the state of the file after reading: any change until then shows in it."""
    with open_regular(path, limit=limit, kind=kind) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            data = file.read(size + 1)
            status = os.fstat(file.fileno())
        except (OSError, MemoryError) as error:
            raise _unreadable(path, kind, error) from error
    if len(data) > size:  # as files of /proc are, whose size is 0
        raise FileError(f"cannot read the {kind} {path}: expected {size:,} bytes, got more; is it being written?")
    return data, status


def _check_type(status: os.stat_result, path: Path, kind: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        found = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise FileError(f"cannot read the {kind} {path}: expected a regular file, got {found}")


def _unreadable(path: Path, kind: str, error: OSError | MemoryError | ValueError) -> ExportError:
    code = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    reason = os.strerror(code) if code else str(error)
    fault = MachineError if code in _MACHINE_FAULTS else FileError
    return fault(f"cannot read the {kind} {path}: {reason}")
