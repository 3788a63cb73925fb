"""Files of a folder as they are: read, moved and deleted only where they are regular files, never through a link."""

import stat
from pathlib import Path

from compress.errors import BadInputError


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


def read_own(folder: Path, rel: str) -> bytes | None:
    """The content of a file, ``None`` where there is none; BadInputError as in ``own_path``."""
    path = own_path(folder, rel)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


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
