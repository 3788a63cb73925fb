"""A file that is either whole or not there."""

import os
import secrets
from pathlib import Path
from typing import Final

NAMED: Final = 50
"""Characters of a file's name in that of its temporary file, which has to be short enough if the file's own is."""


def write_atomically(path: Path, data: bytes, *, temporary: Path | None = None) -> None:
    """Write so that a kill at any moment leaves the old file or the new one; no temporary file after an OSError.

    ``temporary`` is where it is written first, in the same folder; a file that is there is deleted.
    """
    if temporary is None:
        temporary = path.with_name(f".{path.name[:NAMED]}.{secrets.token_hex(4)}.tmp")
    else:
        temporary.unlink(missing_ok=True)
    write_new(temporary, data)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet, and flush it to the disk; nothing is left where that fails."""
    file = path.open("xb")
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Flush a file's or a folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
