"""What reading a folder's images gave, kept in the user's cache: files that did not change are not read again.

One file per folder, ``scans/<key>.json`` in the program's cache folder: a line with the sha256 of the
rest, then JSON. It can be deleted at any time. The images' own folder is never written to.
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

_READER: Final = f"2, Pillow {PIL.__version__}"  # the format; and who said that these files can be decoded
_SETTLED_NS: Final = 2_000_000_000  # coarsest clock of a common file system (FAT)


Stamp = tuple[int, int, int, int]
"""How a file looks from outside; see the first four of ``Entry``."""


class Entry(NamedTuple):
    """One image: how the file looked from outside when it was read, and what was in it.

    Attributes:
        size: bytes.
        mtime_ns: time of the last change of its bytes, ns; archives and copies set it.
        ctime_ns: time of the last change of anything, its name included, ns; nobody can set it.
        inode: its number in the file system: tells files apart whose folder was renamed.
        shorter_side: pixels, upright.
        grey: it has no colour channels.
        dim: see ``images.is_dim``.
        transparent: see ``images.is_transparent``.
        sha256: hex, of the file's bytes.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    shorter_side: int
    grey: bool
    dim: bool
    transparent: bool
    sha256: str

    @property
    def stamp(self) -> Stamp:
        """What changes with the file."""
        return self[:4]


def take_stamp(path: Path) -> Stamp:
    """How a file looks from outside now.

    Raises:
        OSError: it is not there.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def read_index(root: Path) -> Mapping[str, Entry]:
    """The entries that the last scan of ``root`` left, by place; none where the index is missing, damaged or another's.

    Args:
        root: the folder.
    """
    try:
        digest, _, body = _index_path(root).read_bytes().partition(b"\n")
        if digest.decode() != hashlib.sha256(body).hexdigest():
            return {}
        document = json.loads(body)
        if (document["reader"], document["root"]) != (_READER, os.path.realpath(root)):
            return {}
        columns = [document[name] for name in Entry._fields]
        return dict(zip(document["places"], map(Entry._make, zip(*columns, strict=True)), strict=True))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}


def write_index(root: Path, entries: Mapping[str, Entry]) -> None:
    """Keep what was read, whole or not at all; a cache that cannot be written to is no error.

    A file that changed within the last seconds is left out: one more change could leave its stamp as it is.

    Args:
        root: the folder.
        entries: by place, as ``read_index`` gives them.
    """
    now = time.time_ns()
    settled = {
        place: entry
        for place, entry in entries.items()
        if abs(now - entry.mtime_ns) > _SETTLED_NS and abs(now - entry.ctime_ns) > _SETTLED_NS
    }
    columns = zip(*settled.values(), strict=True) if settled else ((),) * len(Entry._fields)
    document = {"reader": _READER, "root": os.path.realpath(root), "places": list(settled)}
    body = json.dumps(document | dict(zip(Entry._fields, columns, strict=True))).encode()
    with suppress(OSError, RuntimeError, EnvironmentProblem):
        write_atomically(_index_path(root), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _index_path(root: Path) -> Path:
    key = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return cache_folder("scans") / f"{key}.json"
