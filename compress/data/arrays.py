"""Data sets of small images in arrays: readers of Fashion-MNIST, Kuzushiji-MNIST and CIFAR; the ``DataBundle``."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.data.augment import Recipe, choose_recipe
from compress.data.bundle import DataBundle
from compress.data.formats import read_bytes, read_idx, read_pickle
from compress.data.order import VALIDATION, stratified_holdout
from compress.data.preprocessing import Preprocessing, preprocess, stated_channels
from compress.data.splits import WHOLE, MemorySplit, prepare_images
from compress.errors import BadInputError
from compress.lists import listed
from compress.settings.config import Augment, DataConfig

SAMPLE = Path(__file__).parent / "sample" / "fashion_sample.npz"
SAMPLE_SHA256 = "b48236a28be591a631e67bed66ef84007575d3e5cc6c45afa6ea61a94f3652fc"
SAMPLE_PER_CLASS = {"train": 1200, "test": 400}  # images

FASHION_SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the uncompressed files: the authors' .gz files and Debian's differ in their time stamps."""

IDX_FILES = tuple(FASHION_SHA256)

_CIFAR_SIDE = 32  # pixels
_LUMA = (299, 587, 114)  # thousandths of red, green and blue (ITU-R BT.601)


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """A data set as it is published: images uint8 [N, H, W] grey or [N, H, W, 3] RGB, labels uint8 [N]."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@dataclass(frozen=True)
class ArraySet:
    """What is known about a data set besides its images."""

    name: str  # of ``DATASETS``
    classes: tuple[str, ...]  # class names; the label is the index
    mean: tuple[float, ...]  # per channel, of the training images, pixels scaled to [0, 1]
    std: tuple[float, ...]
    image_size: int  # pixels, unless another size is set
    recipes: Mapping[Augment, Recipe]


def bundle_of_arrays(
    known: ArraySet, arrays: ImageArrays, config: DataConfig, *, notes: tuple[str, ...] = ()
) -> DataBundle:
    """Hold out a tenth of every class for validation and build the splits; ``BadInputError`` for too few images."""
    _check_counts(known, arrays)
    recipe = choose_recipe(known.recipes, config)
    preprocessing = _preprocessing(known, config, recipe)
    kept, held = stratified_holdout(_labels(arrays.train_labels), fraction=VALIDATION, seed=config.seed)

    def split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> MemorySplit:
        if images.ndim == 4 and preprocessing.channels == 1:
            images = to_grey(images)
        pixels = images[..., None] if images.ndim == 3 else images  # a batch repeats grey for three channels
        prepared = prepare_images(pixels, size=preprocessing.image_size, framing=preprocessing.framing)
        return MemorySplit(prepared, _labels(labels), preprocessing, recipe)

    return DataBundle(
        name=known.name,
        classes=known.classes,
        train=split(arrays.train_images[kept], arrays.train_labels[kept]),
        val=split(arrays.train_images[held], arrays.train_labels[held]),
        test=split(arrays.test_images, arrays.test_labels),
        preprocessing=preprocessing,
        fingerprint=_fingerprint(*vars(arrays).values(), held.numpy()),
        test_fingerprint=_fingerprint(arrays.test_images, arrays.test_labels),
        notes=notes,
    )


def to_grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB uint8 [N, H, W, 3] -> 8-bit grey [N, H, W] by ITU-R BT.601, bit for bit as Pillow does it.

    Pillow's weights are the thousandths in units of 2**-16, rounded; half a unit is added before the shift.
    """
    weights = np.array([round(part * 65_536 / 1000) for part in _LUMA], np.uint32)
    grey = np.empty(images.shape[:3], np.uint8)
    for place, image in enumerate(images):  # one at a time: no copy of the set in wider numbers
        grey[place] = (image.astype(np.uint32) @ weights + 32_768) >> 16
    return grey


def _check_counts(known: ArraySet, arrays: ImageArrays) -> None:
    for split, labels, needed in (("training", arrays.train_labels, 2), ("test", arrays.test_labels, 1)):
        counts = np.bincount(labels, minlength=len(known.classes))
        few = [name for name, count in zip(known.classes, counts, strict=True) if count < needed]
        if few:
            raise BadInputError(
                f"expected {needed} or more {split} images of every class of {known.name}, got fewer of "
                f"{listed(few)}; try a larger part of the set"
            )


def _preprocessing(known: ArraySet, config: DataConfig, recipe: Recipe) -> Preprocessing:
    own = len(known.mean)
    channels = stated_channels(config) or own
    mean, std = ((0.0,) * own, (1.0,) * own) if recipe.unit_range else (known.mean, known.std)
    words = {(1, 3): "grey in three equal channels", (3, 1): "8-bit grey (ITU-R BT.601)"}
    default = Preprocessing(
        image_size=known.image_size,
        channels=channels,
        mean=_per_channel(mean, channels),
        std=_per_channel(std, channels),
        framing=WHOLE,
        decoding=words.get((own, channels), ""),
    )
    return preprocess(config, default)


def _per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Grey's value for all three channels, or the weighted mean of red, green and blue for grey."""
    if len(values) == channels:
        return values
    if len(values) == 1:
        return values * channels
    return (round(sum(value * part for value, part in zip(values, _LUMA, strict=True)) / 1000, 4),)


def _labels(labels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))


def _fingerprint(*arrays: NDArray[np.uint8] | NDArray[np.int64]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


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


def read_cifar(folder: Path, known: ArraySet, loader: Any, *, labels: str) -> tuple[ArraySet, ImageArrays]:
    """Read CIFAR's "python version": pickled batches of uint8 [N, 3072], planes of red, green and blue.

    torchvision's ``loader`` has the names of the batches; ``labels`` is the key of a batch's labels. The class names
    are in the files.
    """
    path, key = folder / loader.meta["filename"], loader.meta["key"]
    names = read_pickle(path).get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        names = []
    if not 1 <= len(names) == len(set(names)) <= 256:
        raise BadInputError(f"expected up to 256 different class names under {key!r} in {path}, got {len(names)}")
    parts = []
    for files in (loader.train_list, loader.test_list):
        batches = [_read_batch(folder / file, labels, classes=len(names)) for file, _md5 in files]
        parts += [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]
    return replace(known, classes=tuple(names)), ImageArrays(*parts)


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
