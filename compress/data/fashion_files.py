"""The four published files of Fashion-MNIST: where they may be, how they are fetched, what they must hold.

The sha256 pinned here are those of the unzipped files, so one pin serves the Debian package, the
authors' own files and any copy: the same bytes, gzipped with other time stamps.
"""

import http.client
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from compress.data.arrays import ImageArrays
from compress.data.cache import cache_folder
from compress.data.idx import IdxFile, decode_idx, find_idx
from compress.data.published import TIMEOUT, written
from compress.errors import BadInputError, EnvironmentProblem

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
TORCHVISION_FOLDER = Path("FashionMNIST/raw")  # where torchvision puts them, under its root
MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"  # the authors' own; contents are pinned
FILES = {
    "train_images": IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train_labels": IdxFile(
        "train-labels-idx1-ubyte", (60_000,), "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "test_images": IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "test_labels": IdxFile(
        "t10k-labels-idx1-ubyte", (10_000,), "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}
_SLACK = 65_536  # bytes that gzip may add to what it cannot compress


def read_full(folder: Path, *, files: Mapping[str, IdxFile] = FILES) -> ImageArrays:
    """Read the four files of the full set, gzipped or not.

    Raises:
        BadInputError: a file is missing, unreadable, damaged or another one.
    """
    arrays = {}
    for name, expected in files.items():
        path = find_idx(folder, expected)
        if path is None:
            raise BadInputError(f"expected {expected.name} or {expected.name}.gz in {folder}, got neither")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        arrays[name] = decode_idx(data, expected, source=str(path))
    return ImageArrays(**arrays)


def find_full(
    data_dir: Path | None, *, download: bool, files: Mapping[str, IdxFile] = FILES, mirror: str = MIRROR
) -> Path:
    """The folder with the full set: ``data_dir`` (or torchvision's in it), else Debian's or an earlier download's.

    Args:
        data_dir: the user's folder; also where a download goes.
        download: may fetch what is missing.
        files: the four files.
        mirror: where they are fetched from.

    Raises:
        BadInputError: it is nowhere and ``download`` is false.
        EnvironmentProblem: the download fails.
    """
    target = data_dir if data_dir is not None else cache_folder("fashion-mnist")
    folders = [DEBIAN_FOLDER, target] if data_dir is None else [target, target / TORCHVISION_FOLDER]
    for folder in folders:
        if all(find_idx(folder, expected) for expected in files.values()):
            return folder
    if not download:
        places = " or ".join(str(folder) for folder in folders)
        raise BadInputError(
            f"expected the four files of Fashion-MNIST in {places}, got none or not all; try --download, "
            "--data-dir FOLDER, the Debian package dataset-fashion-mnist, or --dataset fashion-sample"
        )
    fetch(target, files=list(files.values()), mirror=mirror)
    return target


def fetch(folder: Path, *, files: Sequence[IdxFile], mirror: str) -> None:
    """Download those of the files that are missing, each checked before it gets its name.

    Raises:
        BadInputError: a downloaded file is not the pinned one.
        EnvironmentProblem: no network, or the folder cannot be written.
    """
    for expected in files:
        if find_idx(folder, expected) is not None:
            continue
        url = f"{mirror}{expected.name}.gz"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
                data = response.read(expected.size_bytes + _SLACK)
            decode_idx(data, expected, source=url)
            with written(folder / f"{expected.name}.gz") as file:
                file.write(data)
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentProblem(f"cannot download {url} to {folder}: {error}; try again, or --data-dir") from None
