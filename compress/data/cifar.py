"""CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009).

The "python version": pickled batches of uint8 [N, 3072], the red, green and blue planes of 32 x 32 pixels.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.data.arrays import ArraySet, ImageArrays
from compress.data.augment import RECIPES
from compress.data.pickles import read_pickle
from compress.data.published import Download, Published
from compress.errors import BadInputError
from models_zoo.torchvision_mend import torchvision

SIDE = 32  # pixels


@dataclass(frozen=True)
class CifarSet:
    """One of the two sets.

    Attributes:
        known: all but the class names, which are in its files.
        published: its files.
        train: names of the training batches.
        test: names of the test batches.
        meta: the file with the class names, and the key they are under.
        labels: the key of a batch's labels.
    """

    known: ArraySet
    published: Published
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: tuple[str, str]
    labels: str


def _cifar_set(known: ArraySet, loader: Any, *, labels: str) -> CifarSet:
    train, test = (tuple(name for name, _ in batches) for batches in (loader.train_list, loader.test_list))
    meta = loader.meta["filename"]
    return CifarSet(
        known=known,
        published=Published(
            name=known.name,
            folders=(loader.base_folder,),
            needed=(*train, *test, meta),
            sums=dict([*loader.train_list, *loader.test_list, (meta, loader.meta["md5"])]),
            downloads=(Download(loader.url, loader.tgz_md5, unpack=True),),
        ),
        train=train,
        test=test,
        meta=(meta, loader.meta["key"]),
        labels=labels,
    )


CIFAR10 = _cifar_set(
    ArraySet(
        name="cifar10",
        classes=(),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        image_size=SIDE,
        recipes=RECIPES["cifar10"],
    ),
    torchvision.datasets.CIFAR10,
    labels="labels",
)
CIFAR100 = _cifar_set(
    ArraySet(
        name="cifar100",
        classes=(),
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        image_size=SIDE,
        recipes=RECIPES["cifar100"],
    ),
    torchvision.datasets.CIFAR100,
    labels="fine_labels",
)


def read_cifar(cifar: CifarSet, folder: Path) -> tuple[ArraySet, ImageArrays]:
    """Read the batches, and the class names into what is known of the set; nothing in the pickles runs.

    Raises:
        BadInputError: a file is unreadable, damaged or of another format.
    """
    file, key = cifar.meta
    classes = _read(folder / file).get(key)
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes) or not classes:
        raise BadInputError(f"expected the class names under {key!r} in {folder / file}, got none")
    if not len(set(classes)) == len(classes) <= 256:
        raise BadInputError(f"expected up to 256 different class names in {folder / file}, got {len(classes)}")
    train = [_read_batch(folder / name, cifar.labels, classes=len(classes)) for name in cifar.train]
    test = [_read_batch(folder / name, cifar.labels, classes=len(classes)) for name in cifar.test]
    arrays = ImageArrays(
        train_images=np.concatenate([images for images, _ in train]),
        train_labels=np.concatenate([labels for _, labels in train]),
        test_images=np.concatenate([images for images, _ in test]),
        test_labels=np.concatenate([labels for _, labels in test]),
    )
    return replace(cifar.known, classes=tuple(classes)), arrays


def _read_batch(path: Path, key: str, *, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images uint8 [N, 32, 32, 3] and labels uint8 [N]."""
    batch = _read(path)
    planes, labels = batch.get("data"), batch.get(key)
    if not isinstance(planes, np.ndarray) or planes.dtype != np.uint8 or planes.shape[1:] != (3 * SIDE**2,):
        raise BadInputError(f"expected images uint8 [N, {3 * SIDE**2}] under 'data' in {path}, got something else")
    if isinstance(labels, np.ndarray):
        labels = labels.tolist()
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < classes for label in labels):
        raise BadInputError(f"expected labels of 0 to {classes - 1} under {key!r} in {path}, got something else")
    if len(labels) != len(planes):
        raise BadInputError(f"expected a label for every image in {path}, got {len(planes)} and {len(labels)}")
    images = planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.uint8)


def _read(path: Path) -> dict[Any, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None
    value = read_pickle(data, source=str(path))
    if not isinstance(value, dict):
        raise BadInputError(f"expected a pickled dict in {path}, got a {type(value).__name__}")
    return value
