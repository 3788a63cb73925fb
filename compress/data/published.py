"""Published data sets: where their files may be, how they are downloaded, and their checksums.

Names, folders, addresses and md5 sums are torchvision's, so its folders can be used; its download has no timeout and
leaves unfinished files. md5 finds damaged and different files, not deliberate forgeries: see ``formats``.
"""

import hashlib
import http.client
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compress.download import fetch
from compress.environment import cache_folder
from compress.errors import BadInputError, EnvironmentProblem, UsageError
from compress.exporter_faults import open_file
from exporters.write.scratch import scratch_folder

_MAX_BYTES = 2**38


@dataclass(frozen=True)
class Published:
    """The files of a data set."""

    name: str  # a name of ``DATASETS``
    folder: str  # where torchvision keeps the files under its root, and where a download goes
    needed: tuple[str, ...]  # files and folders that must be there; a file may be gzipped (``name.gz``)
    sums: Mapping[str, str] = field(default_factory=dict)  # file -> published md5 (hex)
    downloads: tuple[tuple[str, str], ...] = ()  # address and md5 of each file; empty if it may not be passed on
    unpacks_folder: bool = False  # the archive (.tgz, .tar.gz) holds ``folder`` itself, not its contents
    other_folders: tuple[str, ...] = ()  # more places under the root
    debian_folder: str = ""  # of a Debian package; searched first if the user names no folder


def find_published(published: Published, data_dir: Path | None, *, download: bool) -> Path:
    """Find the folder of a data set: ``data_dir``, torchvision's folder in it, or without one the cache.

    With ``download``, missing files are downloaded to where torchvision keeps them. UsageError if the data set cannot
    be downloaded, BadInputError if files are missing or not the published ones, EnvironmentProblem if a download fails.
    """
    if download and not published.downloads:
        raise UsageError(f"{published.name} cannot be downloaded without an account: drop --download; see --data-dir")
    root = data_dir if data_dir is not None else cache_folder(published.name)
    folders = [root, *(root / folder for folder in (published.folder, *published.other_folders) if folder != ".")]
    if data_dir is None and published.debian_folder:
        folders.insert(0, Path(published.debian_folder))
    nearest, absent = _nearest(folders, published)
    if absent and download:
        _download(published, root if published.unpacks_folder else root / published.folder)
        nearest, absent = _nearest(folders, published)
    if not absent:
        return nearest
    places = " or ".join(map(str, folders))
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
    notes = {
        f"not the published {published.name}: {', '.join(other)} with other contents": other,
        f"not compared with the published {published.name}: no {', '.join(absent)}": absent,
    }
    return tuple(note for note, files in notes.items() if files)


def _md5(path: Path) -> str:
    with open_file(path, limit=_MAX_BYTES) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _nearest(folders: list[Path], published: Published) -> tuple[Path, list[str]]:
    """The first folder that lacks the fewest files, and their names."""

    def absent(folder: Path) -> list[str]:
        return [n for n in published.needed if not (folder / n).exists() and not (folder / f"{n}.gz").is_file()]

    return min(((folder, absent(folder)) for folder in folders), key=lambda found: len(found[1]))


def _download(published: Published, folder: Path) -> None:
    """Download what is missing; files are complete and checked before they are moved to ``folder``."""
    for url, md5 in published.downloads:
        name = url.rpartition("/")[2]
        if (folder / name).is_file():
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with scratch_folder(beside=folder / name) as place:
                file = place / name
                fetch(url, file, algorithm="md5", checksum=md5)
                if name.endswith((".tgz", ".tar.gz")):
                    with tarfile.open(file) as tar:
                        tar.extractall(place, filter="data")
                    file.unlink()
                _move(place, folder)
        except (OSError, http.client.HTTPException, tarfile.TarError) as error:
            raise EnvironmentProblem(f"cannot download {url} to {folder}: {error}; try again, or --data-dir") from None


def _move(source: Path, target: Path) -> None:
    """Move what is not there yet: a new folder in one step, so that a kill leaves none that lacks files."""
    if source.is_dir() and target.is_dir():
        for entry in source.iterdir():
            _move(entry, target / entry.name)
    elif not target.exists():
        os.replace(source, target)
