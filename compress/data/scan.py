"""The scan: every file of a data set is read and decoded before training starts, unless it did not change since.

The index of a folder's last scan is ``scans/<key>.json`` in the user's cache: a line with the sha256 of the rest, then
JSON. It can be deleted at any time. Nothing is written to the folder of the images.
"""

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import PIL
from PIL import Image

from compress.atomic import write_atomically
from compress.data.images import MAX_BYTES, MemoryBudget, decode_image, is_dim, is_grey, is_transparent, memory_of
from compress.data.stamps import UNSETTLED, Stamp, take_stamp
from compress.environment import cache_folder
from compress.errors import BadInputError, EnvironmentProblem
from compress.exporter_faults import open_file
from compress.lists import listed_lines

SPLITS = ("train", "val", "test")
LabelledPath = tuple[Path, int]
"""An image file and the index of its class."""

_THREADS = 8  # Pillow decodes without holding the interpreter's lock
_CHUNK = 256  # files per task of a thread
_MEMORY: Final = MemoryBudget(2**30)  # of all threads
_READER: Final = f"4, Pillow {PIL.__version__}"  # the format, and the decoder that read the files


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
        """The state of the file: the first four fields."""
        return self[:4]


@dataclass(frozen=True)
class ImageFile:
    """A file that was read and decoded: its class, and what is in it (see ``Entry``).

    ``place`` is its path relative to the data set's folder, with forward slashes.
    """

    path: Path
    place: str
    label: int
    shorter_side: int
    grey: bool
    sha256: str
    stamp: Stamp


@dataclass(frozen=True)
class Scan:
    """The good files of each split, in the given order, and notes on skipped or suspicious files."""

    splits: Mapping[str, tuple[ImageFile, ...]]
    notes: tuple[str, ...]


def scan_files(
    splits: Mapping[str, Sequence[LabelledPath]], *, classes: tuple[str, ...], skip_bad: int, root: Path
) -> Scan:
    """Read and decode every image under ``root`` that changed since the last scan; leave out up to ``skip_bad`` files.

    More bad files, or a class (a name per label) with too few good ones, are a ``BadInputError`` that lists all.
    """
    start = f"{root}{os.sep}"
    places = {
        path: str(path).removeprefix(start).replace(os.sep, "/") for files in splits.values() for path, _label in files
    }
    results = _read_changed(places, root=root)
    bad = [result for result in results.values() if isinstance(result, BadInputError)]
    if len(bad) > skip_bad:
        names = "\n  ".join(str(error) for error in bad)
        raise BadInputError(
            f"expected at most {skip_bad} bad images (--skip-bad), got {len(bad)} of {len(results)}; try to mend or "
            f"remove them, or --skip-bad {len(bad)}:\n  {names}"
        )
    good = {
        split: tuple(
            ImageFile(path, places[path], label, found.shorter_side, found.grey, found.sha256, found.stamp)
            for path, label in files
            if isinstance(found := results[path], Entry)
        )
        for split, files in splits.items()
    }
    _check_counts(good, classes, root)
    entries = [result for result in results.values() if isinstance(result, Entry)]
    return Scan(good, notes=(*(f"skipped {error}" for error in bad), *_notes(entries, good)))


def _read_changed(places: Mapping[Path, str], *, root: Path) -> dict[Path, Entry | BadInputError]:
    """The entry or the fault of every file, in order; an interrupted scan saves what it has read, too."""
    index = read_index(root)
    results: dict[Path, Entry | BadInputError] = {
        path: known
        for path, place in places.items()
        if (known := index.get(place)) is not None and _is_unchanged(path, known)
    }
    unread = [path for path in places if path not in results]
    chunks = [unread[start : start + _CHUNK] for start in range(0, len(unread), _CHUNK)]
    try:
        with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # decode_image refuses these
            for chunk, found in zip(chunks, pool.map(lambda paths: [*map(_read, paths)], chunks), strict=True):
                results |= zip(chunk, found, strict=True)
    finally:
        good = {places[path]: found for path, found in results.items() if isinstance(found, Entry)}
        if good != index:
            write_index(root, good)
    return {path: results[path] for path in places}


def _is_unchanged(path: Path, known: Entry) -> bool:
    try:
        return take_stamp(path) == known.stamp
    except OSError:
        return False


def printable(name: Path | str) -> str:
    """A name with bytes that are not UTF-8 written as backslash and number."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _read(path: Path) -> Entry | BadInputError:
    name = printable(path)
    try:
        stamp = take_stamp(path)
        with open_file(path, limit=MAX_BYTES, kind="image") as file, _MEMORY.hold(memory_of(file, source=name)):
            file.seek(0)
            return _look_at(file.read(), stamp, source=name)
    except OSError as error:
        return BadInputError(f"{name}: {error.strerror}")
    except BadInputError as error:
        return error


def _look_at(data: bytes, stamp: Stamp, *, source: str) -> Entry:
    image = decode_image(data, source=source)
    return Entry(
        *stamp,
        shorter_side=min(image.size),
        grey=is_grey(image),
        dim=is_dim(image),
        transparent=is_transparent(image),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_counts(splits: Mapping[str, tuple[ImageFile, ...]], classes: tuple[str, ...], root: Path) -> None:
    faults = []
    for split, files in splits.items():
        counts = Counter(file.label for file in files)
        needed = 2 if split == "train" else 1  # one may have to go to the validation set
        faults += [f"{split}/{name}: {counts[label]}" for label, name in enumerate(classes) if counts[label] < needed]
    if faults:
        raise BadInputError(
            f"expected two or more images of every class in train/ and one or more elsewhere in {root}, got"
            + listed_lines(faults)
        )


def _notes(entries: Sequence[Entry], splits: Mapping[str, tuple[ImageFile, ...]]) -> list[str]:
    """Notes on images that a network sees differently from people, and on test images that were trained on."""
    dim, transparent = sum(entry.dim for entry in entries), sum(entry.transparent for entry in entries)
    trained = {file.sha256 for file in splits.get("train", ())}
    shared = {split: sum(file.sha256 in trained for file in splits[split]) for split in splits if split != "train"}
    notes = {
        f"{dim} 16-bit images use at most a sixteenth of their range and are read as nearly black; if they hold "
        "12 bits, try to multiply their values by 16": dim,
        f"{transparent} images have transparent parts, which are read in the colours stored there; if these are not "
        "meant to be seen, try to put the images on a background": transparent,
        **{
            f"{count} files of {split}/ are also in train/, byte for byte: accuracy on them is not evidence": count
            for split, count in shared.items()
        },
    }
    return [note for note, count in notes.items() if count]


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

    Files that had just changed when they were read are left out.
    """
    settled = {place: entry for place, entry in entries.items() if entry.stamp != UNSETTLED}
    body = json.dumps({"reader": _READER, "root": os.path.realpath(root), "entries": settled}).encode()
    with suppress(OSError, RuntimeError, EnvironmentProblem):
        write_atomically(_index_path(root), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _index_path(root: Path) -> Path:
    key = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return cache_folder("scans") / f"{key}.json"
