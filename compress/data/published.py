"""Published data sets: where their files may be, how they are downloaded, and their checksums.

Names, folders, addresses and md5 sums are torchvision's, so its folders can be used. md5 finds damaged and different
files, not deliberate forgeries; ``formats`` therefore reads every file as data from elsewhere.
"""

import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compress.data.cache import cache_folder
from compress.errors import BadInputError, EnvironmentProblem, UsageError

_TIMEOUT = 60  # seconds without a byte
_CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class Published:
    """The files of a data set.

    Attributes:
        name: a name of ``DATASETS``.
        folder: where torchvision keeps the files under its root, and where a download goes.
        needed: files and folders that must be there; a file may be gzipped (``name.gz``).
        sums: file -> published md5 (hex).
        downloads: (address, md5) of each file to download; archives (.tgz, .tar.gz) are unpacked. Empty if the
            data set may not be passed on.
        unpacks_folder: the archive holds ``folder`` itself, not its contents.
        other_folders: more places under the root.
        debian_folder: where a Debian package puts the files; searched first if the user names no folder.
    """

    name: str
    folder: str
    needed: tuple[str, ...]
    sums: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[tuple[str, str], ...] = ()
    unpacks_folder: bool = False
    other_folders: tuple[str, ...] = ()
    debian_folder: str = ""


def find_published(published: Published, data_dir: Path | None, *, download: bool) -> Path:
    """Find the folder of a data set: ``data_dir``, torchvision's folder in it, or without one the cache.

    Args:
        published: the data set.
        data_dir: the user's folder; downloads go there.
        download: whether missing files may be downloaded.

    Raises:
        UsageError: the data set cannot be downloaded.
        BadInputError: files are missing, or a downloaded file is not the published one.
        EnvironmentProblem: the download failed.
    """
    if download and not published.downloads:
        raise UsageError(f"{published.name} cannot be downloaded without an account: drop --download; see --data-dir")
    root = data_dir if data_dir is not None else cache_folder(published.name)
    folders = [root, *(root / folder for folder in (published.folder, *published.other_folders) if folder != ".")]
    if data_dir is None and published.debian_folder:
        folders.insert(0, Path(published.debian_folder))
    found = _first(folders, published)
    if found is None and download:
        _download(published, root if published.unpacks_folder else root / published.folder)
        found = _first(folders, published)
    if found is not None:
        return found
    places = " or ".join(str(folder) for folder in folders)
    nearest = max(folders, key=lambda folder: sum(_has(folder, name) for name in published.needed))
    absent = [name for name in published.needed if not _has(nearest, name)]
    got = "none of them" if len(absent) == len(published.needed) else f"no {', '.join(absent)}"
    hint = "--data-dir FOLDER or --download" if published.downloads else "--data-dir FOLDER"
    if published.debian_folder:
        hint += f" (Debian has {published.name} as the package dataset-{Path(published.debian_folder).name})"
    raise BadInputError(f"expected {', '.join(published.needed)} in {places}, got {got}; try {hint}")


def compare_with_published(published: Published, folder: Path) -> tuple[str, ...]:
    """Notes about files in ``folder`` that are not, byte for byte, those that were published."""
    present = [name for name in published.sums if (folder / name).is_file()]
    other = [name for name in present if _md5(folder / name) != published.sums[name]]
    absent = [name for name in published.sums if name not in present]
    notes = []
    if other:
        notes.append(f"not the published {published.name}: {', '.join(other)} with other contents")
    if absent:
        notes.append(f"not compared with the published {published.name}: no {', '.join(absent)}")
    return tuple(notes)


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


def _download(published: Published, folder: Path) -> None:
    """Download what is missing; files are complete and checked before they get their place in ``folder``."""
    for url, md5 in published.downloads:
        name = url.rpartition("/")[2]
        if (folder / name).is_file():
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as place:
                file = Path(place) / name
                _fetch(url, md5, file)
                if name.endswith((".tgz", ".tar.gz")):
                    with tarfile.open(file) as tar:
                        tar.extractall(place, filter="data")
                    file.unlink()
                for entry in Path(place).iterdir():
                    _move(entry, folder / entry.name)
        except (OSError, http.client.HTTPException, tarfile.TarError) as error:
            raise EnvironmentProblem(f"cannot download {url} to {folder}: {error}; try again, or --data-dir") from None


def _fetch(url: str, md5: str, path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != md5:
        raise BadInputError(f"{url} is not the published file: expected md5 {md5}, got {digest.hexdigest()}; try again")


def _move(source: Path, target: Path) -> None:
    """Move what is not there yet; existing files are kept."""
    if source.is_dir() and target.is_dir():
        for entry in source.iterdir():
            _move(entry, target / entry.name)
    elif not target.exists():
        os.replace(source, target)
