"""Data sets of small images in arrays: what is known about each, and arrays -> ``DataBundle``."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.data.augment import Recipe
from compress.data.bundle import DataBundle, Preprocessing
from compress.data.order import VALIDATION, stratified_holdout
from compress.data.splits import RESIZE, MemorySplit, prepare_images
from compress.errors import BadInputError
from compress.settings.config import Augment, DataConfig

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
    recipe = known.recipes[config.augment or "default"]
    preprocessing = _preprocessing(known, config, recipe)
    kept, held = stratified_holdout(_labels(arrays.train_labels), fraction=VALIDATION, seed=config.seed)

    def split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> MemorySplit:
        if images.ndim == 4 and preprocessing.channels == 1:
            images = to_grey(images)
        pixels = images[..., None] if images.ndim == 3 else images  # a batch repeats grey for three channels
        prepared = prepare_images(pixels, size=preprocessing.image_size)
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
                f"{', '.join(few[:5])}{', ...' if len(few) > 5 else ''}; try a larger part of the set"
            )


def _preprocessing(known: ArraySet, config: DataConfig, recipe: Recipe) -> Preprocessing:
    own = len(known.mean)
    channels = config.channels or own
    mean, std = ((0.0,) * own, (1.0,) * own) if recipe.unit_range else (known.mean, known.std)
    words = {(1, 3): f"grey in three equal channels, {RESIZE}", (3, 1): f"8-bit grey (ITU-R BT.601), {RESIZE}"}
    return Preprocessing(
        image_size=config.image_size or known.image_size,
        channels=channels,
        mean=_per_channel(mean, channels),
        std=_per_channel(std, channels),
        resize=words.get((own, channels), RESIZE),
    )


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
