"""Kuzushiji-MNIST (Clanuwat et al., arXiv 1812.01718): cursive Japanese characters, in the MNIST family's files."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.data import fashion_files
from compress.data.arrays import ArraySet, ImageArrays
from compress.data.augment import RECIPES
from compress.data.idx import parse_idx
from compress.data.published import Download, Published
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

_KMNIST = torchvision.datasets.KMNIST

KUZUSHIJI = ArraySet(
    name="kuzushiji",
    classes=tuple(_KMNIST.classes),
    mean=(0.1918,),
    std=(0.3483,),
    image_size=48,
    recipes=RECIPES["kuzushiji"],
)
KUZUSHIJI_FILES = Published(
    name="kuzushiji",
    folders=("KMNIST/raw",),
    needed=tuple(name.removesuffix(".gz") for name, _ in _KMNIST.resources),
    sums=dict(_KMNIST.resources),
    downloads=tuple(Download(_KMNIST.mirrors[0] + name, md5, into="KMNIST/raw") for name, md5 in _KMNIST.resources),
)


def read_kuzushiji(folder: Path) -> ImageArrays:
    """Read the four files, gzipped or not; a subset in the same format will do.

    Raises:
        BadInputError: a file is unreadable, damaged or of another format, or they do not belong together.
    """
    train_images, train_labels, test_images, test_labels = KUZUSHIJI_FILES.needed
    return ImageArrays(
        **_read_pair(folder, "train", train_images, train_labels),
        **_read_pair(folder, "test", test_images, test_labels),
    )


def _read_pair(folder: Path, split: str, images_name: str, labels_name: str) -> dict[str, NDArray[np.uint8]]:
    images, labels = _read(folder, images_name, axes=3), _read(folder, labels_name, axes=1)
    classes = len(KUZUSHIJI.classes)
    if len(images) != len(labels) or images.size == 0 or labels.max() >= classes:
        raise BadInputError(
            f"expected images with a label of 0 to {classes - 1} each in {folder}, got {len(images)} images in "
            f"{images_name} and {len(labels)} labels up to {labels.max(initial=0)} in {labels_name}"
        )
    return {f"{split}_images": images, f"{split}_labels": labels}


def _read(folder: Path, name: str, *, axes: int) -> NDArray[np.uint8]:
    path = folder / f"{name}.gz"  # first: the published sums are of these
    if not path.is_file():
        path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None
    array = parse_idx(data, axes=axes, source=str(path))
    if _is_fashion(array):
        raise BadInputError(
            f"{path} is Fashion-MNIST's file of that name; try --dataset fashion, or another --data-dir"
        )
    return array


def _is_fashion(array: NDArray[np.uint8]) -> bool:
    """The two sets' files have the same names and shapes."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    found = hashlib.sha256(header + array.tobytes()).hexdigest()
    return found in {pinned.sha256 for pinned in fashion_files.FILES.values()}
