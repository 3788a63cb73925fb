"""Files of a folder as they are: read, moved and deleted only where they are regular files, never through a link."""

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

import psutil

from compress.errors import BadInputError, EnvironmentProblem

_LARGEST: Final = {".toml": 2**16, ".sha256": 2**24, **dict.fromkeys((".json", ".md", ".html"), 2**28)}
"""What a run's files of text may have at most, in bytes; weights, checkpoints and ONNX files: ``_MOST``."""

_MOST: Final = 2**36
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
)


def temporary_name(name: str, digest: str) -> str:
    """The name of the temporary file for ``name``; nobody who does not know ``digest`` gives a file this name."""
    return f".{name}.{digest[:16]}.tmp"


def own_path(folder: Path, rel: str) -> Path:
    """``folder / rel``; BadInputError if a link leads there, or there is something that is no regular file."""
    path = folder
    for part in Path(rel).parts:
        path = path / part
        kind = _kind(path)
        if kind is not None and stat.S_ISLNK(kind):
            raise BadInputError(f"{path} is a link: expected a file of {folder} itself; replace the link by the file")
    if kind is not None and not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "a pipe, a device or the like"
        raise BadInputError(f"{path} is {what}: expected a file; move it elsewhere")
    return path


def open_own(folder: Path, rel: str) -> BufferedReader | None:
    """A file opened for reading, ``None`` where there is none; BadInputError as in ``own_path``."""
    path = own_path(folder, rel)
    try:
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it has been replaced since
        file.close()
        raise BadInputError(f"{path} is a pipe, a device or the like: expected a file; move it elsewhere")
    return file


def read_own(folder: Path, rel: str) -> bytes | None:
    """The content of a file, ``None`` where there is none.

    BadInputError as in ``own_path``, and if it is larger than a run's files of its kind ever are; EnvironmentProblem
    if it is larger than the memory that is free.
    """
    file = open_own(folder, rel)
    if file is None:
        return None
    with file:
        size, free = os.fstat(file.fileno()).st_size, psutil.virtual_memory().available
        most = next((_LARGEST[suffix] for suffix in Path(rel).suffixes if suffix in _LARGEST), _MOST)
        if size > most:
            raise BadInputError(f"{folder / rel} was changed or damaged: expected at most {most:,} bytes, got {size:,}")
        if size > free:
            raise EnvironmentProblem(
                f"expected {size / 2**30:.1f} GiB of free memory for {folder / rel}, got {free / 2**30:.1f}"
            )
        try:
            return file.read(size)
        except MemoryError:
            raise EnvironmentProblem(f"not enough memory for the {size:,} bytes of {folder / rel}") from None


def identity(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is replaced or written to; ``None`` where there is none."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _kind(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
