"""Results of earlier scans in the user's cache: unchanged files are not read again.

One file per folder, ``scans/<key>.json`` in the program's cache folder: a line with the sha256 of the rest, then JSON.
It can be deleted at any time. Nothing is written to the folder of the images.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import PIL

from compress.atomic import write_atomically
from compress.data.cache import cache_folder
from compress.errors import EnvironmentProblem

_READER: Final = f"3, Pillow {PIL.__version__}"  # the format, and the decoder that read the files
_SETTLED_NS: Final = 2_000_000_000  # resolution of the coarsest clock of a common file system (FAT)

Stamp = tuple[int, int, int, int]
"""The first four fields of ``Entry``: they change with the file."""


class Entry(NamedTuple):
    """One image file: its state when it was read, and what was in it."""

    size: int  # bytes
    mtime_ns: int  # time of the last change of the content; archives and copies set it
    ctime_ns: int  # time of the last change of content, name or owner; no program can set it
    inode: int  # number in the file system; it differs between files whose folders were swapped
    shorter_side: int  # pixels, upright
    grey: bool  # see ``images.is_grey``
    dim: bool
    transparent: bool
    sha256: str  # hex, of the file's bytes

    @property
    def stamp(self) -> Stamp:
        """The state of the file."""
        return self[:4]


def take_stamp(path: Path) -> Stamp:
    """The state of a file now; ``OSError`` if there is none."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def read_index(root: Path) -> Mapping[str, Entry]:
    """Place -> entry of the last scan of ``root``; empty if the index is missing, damaged or of another folder."""
    try:
        digest, _, body = _index_path(root).read_bytes().partition(b"\n")
        document = json.loads(body)
        found = (digest.decode(), document["reader"], document["root"])
        if found != (hashlib.sha256(body).hexdigest(), _READER, os.path.realpath(root)):
            return {}
        return {place: Entry(*values) for place, values in document["entries"].items()}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}


def write_index(root: Path, entries: Mapping[str, Entry]) -> None:
    """Save the entries, by place; a cache that cannot be written is not an error.

    Files that changed within the last seconds are left out: another change could leave the same stamp.
    """
    now = time.time_ns()
    settled = {
        place: entry
        for place, entry in entries.items()
        if abs(now - entry.mtime_ns) > _SETTLED_NS and abs(now - entry.ctime_ns) > _SETTLED_NS
    }
    body = json.dumps({"reader": _READER, "root": os.path.realpath(root), "entries": settled}).encode()
    with suppress(OSError, RuntimeError, EnvironmentProblem):
        write_atomically(_index_path(root), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _index_path(root: Path) -> Path:
    key = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return cache_folder("scans") / f"{key}.json"
