"""Files that are whole or absent, with the machine's faults (full disk, no permission) as ``EnvironmentProblem``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compress.errors import EnvironmentProblem
from exporters.write import atomic

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EACCES: "permission denied; choose a folder you may write to",
    errno.EPERM: "permission denied; choose a folder you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.EIO: "the disk reports a read or write error",
}


def as_environment_problem(error: OSError, path: Path | None = None) -> EnvironmentProblem | None:
    """The same fault in the library's words, or ``None`` where it is not the machine's fault.

    ``path`` is named where the error itself does not say which file (a full disk does not).
    """
    where, advice = error.filename or path, _ADVICE.get(error.errno or 0)
    return EnvironmentProblem(f"{where}: {advice}" if where else advice) if advice else None


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


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a kill or a power cut leaves the old or the new file, whole."""
    with machine_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_atomically(path, data)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that a killed writer, here or in ``exporters``, left."""
    return name.startswith(".") and name.endswith(".tmp")
