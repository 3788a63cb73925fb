"""Readers of the published data sets of small images: Fashion-MNIST and its sample, Kuzushiji-MNIST, CIFAR."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from compress.data.arrays import ImageArrays
from compress.data.formats import read_bytes, read_idx, read_pickle
from compress.errors import BadInputError

SAMPLE = Path(__file__).parent / "sample" / "fashion_sample.npz"
SAMPLE_SHA256 = "b48236a28be591a631e67bed66ef84007575d3e5cc6c45afa6ea61a94f3652fc"
SAMPLE_PER_CLASS = {"train": 1200, "test": 400}  # images

FASHION_SHA256: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }
)
"""Of the uncompressed files: the authors' .gz files and Debian's differ in their time stamps."""

IDX_FILES = tuple(FASHION_SHA256)

_CIFAR_SIDE = 32  # pixels


def read_sample(path: Path = SAMPLE) -> ImageArrays:
    """Read the bundled sample of Fashion-MNIST; ``BadInputError`` if it is missing or its sha256 is another one."""
    data = read_bytes(path)
    found = hashlib.sha256(data).hexdigest()
    if found != SAMPLE_SHA256:
        raise BadInputError(f"{path} is damaged: expected sha256 {SAMPLE_SHA256}, got {found}; try to install again")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return ImageArrays(**arrays)


def read_fashion(folder: Path) -> ImageArrays:
    """Read the four IDX files of Fashion-MNIST; ``BadInputError`` if one is missing, damaged or another file."""
    arrays = _read_idx_files(folder)
    for name, array in arrays.items():
        if (found := _idx_sha256(array)) != FASHION_SHA256[name]:
            raise BadInputError(
                f"{name} in {folder} is not the published file: expected sha256 {FASHION_SHA256[name]} uncompressed, "
                f"got {found}; try to download it again"
            )
    return ImageArrays(*arrays.values())


def read_kuzushiji(folder: Path, *, classes: int) -> ImageArrays:
    """Read the four IDX files of Kuzushiji-MNIST or other images in its format, with a label below ``classes`` each."""
    arrays = _read_idx_files(folder)
    for name, array in arrays.items():  # both sets use the same file names and sizes
        if _idx_sha256(array) in FASHION_SHA256.values():
            raise BadInputError(
                f"{name} in {folder} is Fashion-MNIST's file of that name; try --dataset fashion, or another --data-dir"
            )
    for images_name, labels_name in (IDX_FILES[:2], IDX_FILES[2:]):
        images, labels = arrays[images_name], arrays[labels_name]
        if len(images) != len(labels) or images.size == 0 or labels.max() >= classes:
            raise BadInputError(
                f"expected images with a label of 0 to {classes - 1} each in {folder}, got {len(images)} images in "
                f"{images_name} and {len(labels)} labels up to {labels.max(initial=0)} in {labels_name}"
            )
    return ImageArrays(*arrays.values())


def _read_idx_files(folder: Path) -> dict[str, NDArray[np.uint8]]:
    zipped = {name: folder / f"{name}.gz" for name in IDX_FILES}
    return {
        name: read_idx(path if path.is_file() else folder / name, axes=3 if "images" in name else 1)
        for name, path in zipped.items()
    }


def _idx_sha256(array: NDArray[np.uint8]) -> str:
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return hashlib.sha256(header + array.tobytes()).hexdigest()


def read_cifar(
    folder: Path, *, train: Sequence[str], test: Sequence[str], meta: tuple[str, str], labels: str
) -> tuple[tuple[str, ...], ImageArrays]:
    """Read CIFAR's "python version": pickled batches of uint8 [N, 3072], planes of red, green and blue.

    ``train`` and ``test`` name the batches, ``meta`` the file with the class names and their key, ``labels`` the key
    of a batch's labels. Returns the class names, and the images and labels.
    """
    names = read_pickle(folder / meta[0]).get(meta[1])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        names = []
    if not 1 <= len(names) == len(set(names)) <= 256:
        raise BadInputError(
            f"expected up to 256 different class names under {meta[1]!r} in {folder / meta[0]}, got {len(names)}"
        )
    parts = []
    for files in (train, test):
        batches = [_read_batch(folder / file, labels, classes=len(names)) for file in files]
        parts += [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]
    return tuple(names), ImageArrays(*parts)


def _read_batch(path: Path, key: str, *, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images uint8 [N, 32, 32, 3] and labels uint8 [N]."""
    batch = read_pickle(path)
    planes, labels = batch.get("data"), batch.get(key)
    width = 3 * _CIFAR_SIDE**2
    if not isinstance(planes, np.ndarray) or planes.dtype != np.uint8 or planes.shape[1:] != (width,):
        raise BadInputError(f"expected images uint8 [N, {width}] under 'data' in {path}, got something else")
    if isinstance(labels, np.ndarray):
        labels = labels.tolist()
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < classes for label in labels):
        raise BadInputError(f"expected labels of 0 to {classes - 1} under {key!r} in {path}, got something else")
    if len(labels) != len(planes):
        raise BadInputError(f"expected a label for every image in {path}, got {len(planes)} and {len(labels)}")
    images = planes.reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.uint8)
