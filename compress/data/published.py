"""Published data sets: where their files may be, what they are checked against, how they are fetched.

Names, folders, addresses and md5 sums are torchvision's own, so that its folders and ours are the same. md5
tells a damaged or another file, not one made to deceive: whatever is read here is treated as data from elsewhere.
"""

import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from compress.data.cache import cache_folder
from compress.errors import BadInputError, EnvironmentProblem, UsageError

TIMEOUT = 60  # seconds without a byte
_CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class Download:
    """A file that ``--download`` fetches.

    Attributes:
        url: where it is.
        md5: hex; a file with another sum is refused.
        into: its folder under the user's.
        unpack: it is a tar archive whose contents are wanted, not itself.
    """

    url: str
    md5: str
    into: str = "."
    unpack: bool = False


@dataclass(frozen=True)
class Published:
    """The files of a data set.

    Attributes:
        name: of ``DATASETS``.
        folders: where torchvision keeps them under its root; none where that is the root itself.
        needed: files and folders without which it is not there; a file may be gzipped (``name.gz``).
        sums: file -> md5 (hex) as published; files without an entry are not compared.
        downloads: how to get it; empty where nobody may hand it out.
    """

    name: str
    folders: tuple[str, ...]
    needed: tuple[str, ...]
    sums: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[Download, ...] = ()


def find_published(published: Published, data_dir: Path | None, *, download: bool) -> Path:
    """The folder that holds a data set: ``data_dir`` itself or torchvision's in it; without one, the cache.

    Args:
        published: the data set.
        data_dir: the user's folder; also where a download goes.
        download: may fetch what is missing.

    Raises:
        UsageError: ``download`` of what cannot be downloaded.
        BadInputError: it is not there and ``download`` is false, or what was fetched is another file.
        EnvironmentProblem: the download fails.
    """
    if download and not published.downloads:
        raise UsageError(f"{published.name} cannot be downloaded without an account: drop --download; see --data-dir")
    target = data_dir if data_dir is not None else cache_folder(published.name)
    folders = [target, *(target / folder for folder in published.folders)]
    found = _first(folders, published)
    if found is None and download:
        for wanted in published.downloads:
            _fetch(wanted, target)
        found = _first(folders, published)
    if found is not None:
        return found
    places = " or ".join(str(folder) for folder in folders)
    nearest = max(folders, key=lambda folder: sum(_has(folder, name) for name in published.needed))
    absent = [name for name in published.needed if not _has(nearest, name)]
    got = "none of them" if len(absent) == len(published.needed) else f"no {', '.join(absent)}"
    hint = "--data-dir FOLDER or --download" if published.downloads else "--data-dir FOLDER"
    raise BadInputError(f"expected {', '.join(published.needed)} in {places}, got {got}; try {hint}")


def compare_with_published(published: Published, folder: Path) -> tuple[str, ...]:
    """What the user has to know where files in ``folder`` are not, byte for byte, those that were published.

    Returns:
        Notes; none where all sums are as published.
    """
    present = [name for name in published.sums if (folder / name).is_file()]
    other = [name for name in present if _md5(folder / name) != published.sums[name]]
    absent = [name for name in published.sums if name not in present]
    notes = []
    if other:
        notes.append(f"not the published {published.name}: {', '.join(other)} with other contents")
    if absent:
        notes.append(f"not compared with the published {published.name}: no {', '.join(absent)}")
    return tuple(notes)


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; it gets its name when the block ends well, and is gone otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _first(folders: list[Path], published: Published) -> Path | None:
    return next((folder for folder in folders if all(_has(folder, name) for name in published.needed)), None)


def _has(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (folder / f"{name}.gz").is_file()


def _md5(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None


def _fetch(wanted: Download, root: Path) -> None:
    folder = root / wanted.into
    path = folder / wanted.url.rpartition("/")[2]
    if not wanted.unpack and path.is_file():
        return
    try:
        _fetch_file(wanted, path)
        if wanted.unpack:
            _unpack(path, folder)
            path.unlink()
    except (OSError, http.client.HTTPException, tarfile.TarError) as error:
        raise EnvironmentProblem(
            f"cannot download {wanted.url} to {folder}: {error}; try again, or --data-dir"
        ) from None


def _fetch_file(wanted: Download, path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with urllib.request.urlopen(wanted.url, timeout=TIMEOUT) as response, written(path) as file:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != wanted.md5:
            raise BadInputError(
                f"{wanted.url} is not the published file: expected md5 {wanted.md5}, got "
                f"{digest.hexdigest()}; try again"
            )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside its place, then move: what has its name is whole."""
    with tempfile.TemporaryDirectory(dir=folder) as place, tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
        for entry in Path(place).iterdir():
            _move(entry, folder / entry.name)


def _move(source: Path, target: Path) -> None:
    """Move what is not there yet; a folder that is there keeps its files."""
    if source.is_dir() and target.is_dir():
        for entry in source.iterdir():
            _move(entry, target / entry.name)
    elif not target.exists():
        os.replace(source, target)
