"""Files that are whole or absent; what the operating system refuses, in the library's words and with its exit code."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from compress.errors import BadInputError, CompressError, EnvironmentProblem
from exporters.write import atomic

_NO_LOCKS: Final = "this file system cannot lock files; choose a folder on a local disk"
_NOT_WRITABLE: Final = "permission denied; choose a folder you may write to"

_MACHINE: Final = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EFBIG: "the file would be larger than this file system, or the limit of this shell (ulimit -f), allows",
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.ENFILE: "too many open files on this machine; close some programs",
    errno.ENOMEM: "not enough memory; close some programs",
    errno.EIO: "the disk reports a read or write error",
    errno.EBUSY: "it is in use by another program",
    errno.ETXTBSY: "it is in use by another program",
    errno.ENODEV: "the device is gone",
    errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
    errno.ENOLCK: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
    errno.ENOTSUP: _NO_LOCKS,
    errno.ESTALE: "the network file system has lost the file; mount it again, or choose a folder on a local disk",
    errno.ETIMEDOUT: "the network file system does not answer; try again, or choose a folder on a local disk",
    errno.EHOSTDOWN: "the network file system does not answer; try again, or choose a folder on a local disk",
    errno.ENOTCONN: "the file system is no longer mounted; mount it again, or choose another folder",
}
"""What the machine cannot do now: ``EnvironmentProblem``."""

_PLACE: Final = {
    errno.ENOTDIR: "a part of this path is a file; expected a folder",
    errno.EISDIR: "it is a folder; expected a file",
    errno.ELOOP: "links in this path lead in a circle; give the file itself",
    errno.ENXIO: "it is a pipe or a device; expected a file",
}
"""What is wrong with a path: ``BadInputError``."""


def as_known_fault(error: OSError) -> CompressError | None:
    """The same fault in the library's words, ``None`` where it is of neither kind."""
    advice = _PLACE.get(error.errno or 0)
    return BadInputError(_located(error, None, advice)) if advice else as_environment_problem(error)


def as_environment_problem(error: OSError, path: Path | None = None) -> EnvironmentProblem | None:
    """The same fault in the library's words, ``None`` where it is not the machine's fault.

    ``path`` is named where the error itself does not say which file (a full disk does not).
    """
    advice = _MACHINE.get(error.errno or 0)
    return EnvironmentProblem(_located(error, path, advice)) if advice else None


@contextmanager
def machine_faults(path: Path) -> Iterator[None]:
    """Turn a full disk, a missing permission and the like, met while using ``path``, into ``EnvironmentProblem``."""
    try:
        yield
    except OSError as error:
        problem = as_environment_problem(error, path)
        if problem is None:
            raise
        raise problem from error


@contextmanager
def creating(path: Path) -> Iterator[None]:
    """Turn any OSError met while the folder ``path`` is made into ``EnvironmentProblem``."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(f"cannot create {path}: {error.strerror}; choose another folder") from error


def check_creatable(path: Path) -> None:
    """Raise the errors of ``creating`` that can be found without writing; none where ``path`` is there already."""
    with creating(path):
        try:
            path.stat()
        except FileNotFoundError:
            here = path.absolute()
            above = next(place for place in (here, *here.parents) if os.path.lexists(place))
            os.stat(f"{above}/.")  # raises unless it is a folder
            if not os.access(above, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def write_atomically(path: Path, data: bytes, *, temporary: Path | None = None) -> None:
    """Replace ``path`` by ``data`` so that a kill or a power cut leaves the old or the new file, whole.

    ``temporary`` is where it is written before it replaces ``path``; by default a new name in the same folder.
    """
    with machine_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_atomically(path, data, temporary=temporary)


def is_empty_folder(path: Path) -> bool:
    """Whether a new folder may take this one's place."""
    return path.is_dir() and not any(path.iterdir())


def _located(error: OSError, path: Path | None, advice: str) -> str:
    where = error.filename or path
    return f"{where}: {advice}" if where else advice
