"""Temporary folders that do not pile up: each also removes those that killed processes left."""

import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import filelock

from exporters.write.atomic import NAMED

_NAME: Final = "compress-scratch-"
_LOCK: Final = ".lock-of-compress"
_CONTENT: Final = "content"


@contextmanager
def scratch_folder(*, beside: Path | None = None) -> Iterator[Path]:
    """A new empty folder for temporary files, removed at the end.

    ``beside`` is a file or a folder that what is made here will become, by a rename: the folder is made next to it.
    By default it is where the system keeps temporary files.

    It is locked as long as its process lives. Folders of this user without such a process are removed, too.
    """
    parent = Path(tempfile.gettempdir()) if beside is None else beside.parent
    prefix = _NAME if beside is None else f".{beside.name[:NAMED]}.{_NAME}"
    _remove_left(parent, prefix)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    lock = _lock(folder)
    try:
        with suppress(OSError):  # a file system without locks: nobody will take it for left
            lock.acquire()
        (folder / _CONTENT).mkdir()
        yield folder / _CONTENT
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _remove_left(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError, filelock.Timeout):
            if _is_ours(folder):
                with _lock(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Whether this module made a folder: it is this user's, with a lock and then a content, and no link."""
    found = [path.lstat() for path in (folder, folder / _LOCK, folder / _CONTENT)]
    kinds = [stat.S_IFMT(one.st_mode) for one in found]
    user = os.getuid() if hasattr(os, "getuid") else found[0].st_uid
    return kinds == [stat.S_IFDIR, stat.S_IFREG, stat.S_IFDIR] and {one.st_uid for one in found} == {user}


def _lock(folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(folder / _LOCK, timeout=0, fallback_to_soft=False)
