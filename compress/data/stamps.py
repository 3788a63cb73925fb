"""Whether a file is still the one that was read: told by its stamp and, where that differs, by its sha256."""

import errno
import hashlib
import os
import stat
import time
from pathlib import Path
from typing import Final

from compress.errors import BadInputError
from compress.exporter_faults import read_with_status

Stamp = tuple[int, int, int, int]
"""Size, times of the last change in ns (of the content; of content, name or owner), and inode: see ``Entry``."""

UNSETTLED: Final[Stamp] = (-1, -1, -1, -1)
"""In place of the stamp of a file that had just changed: another change could have left the same one."""
_SETTLED_NS: Final = 2_000_000_000  # resolution of the coarsest clock of a common file system (FAT)


def take_stamp(path: Path) -> Stamp:
    """The state of a file now, or ``UNSETTLED``; take it before reading, so that a later change shows.

    ``OSError`` if there is none, or no regular file: to read a pipe may take forever.
    """
    now, status = time.time_ns(), path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    changes = (status.st_mtime_ns, status.st_ctime_ns)
    return UNSETTLED if any(abs(now - change) <= _SETTLED_NS for change in changes) else _fields(status)


def read_unchanged(path: Path, *, limit: int, stamp: Stamp, sha256: str) -> bytes:
    """The content of an image; ``BadInputError`` if it is not what it was when ``stamp`` was taken."""
    data, status = read_with_status(path, limit=limit, kind="image")
    if _fields(status) != stamp and hashlib.sha256(data).hexdigest() != sha256:
        raise BadInputError(
            f"{path} changed since the run began: expected the image that was there then, got another; restore it, or "
            "begin anew"
        )
    return data


def _fields(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
