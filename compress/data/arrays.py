"""Data sets that are arrays of small images: what is known of each, and arrays -> ``DataBundle``."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.data.augment import Recipe
from compress.data.bundle import DataBundle, Preprocessing
from compress.data.memory import RESIZE, MemorySplit, prepare_images
from compress.data.order import stratified_holdout
from compress.errors import BadInputError
from compress.settings.config import Augment

VALIDATION = 0.1  # of the training images, class by class
_LUMA = (299, 587, 114)  # thousandths of red, green and blue (ITU-R BT.601)


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """A set as it is published: images uint8 [N, H, W] grey or [N, H, W, 3] RGB, labels uint8 [N]."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@dataclass(frozen=True)
class ArraySet:
    """What is known of a data set beside its images.

    Attributes:
        name: of ``DATASETS``.
        classes: class names; the label is the index.
        mean: per channel, of the training images, pixels scaled to [0, 1].
        std: the same.
        image_size: pixels, where none is asked for.
        recipes: what ``augment`` means for it.
    """

    name: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int
    recipes: Mapping[Augment, Recipe]


@dataclass(frozen=True)
class ArrayOptions:
    """How arrays are read; see ``DataConfig`` for the meaning of each."""

    image_size: int | None
    seed: int
    channels: int | None = None
    augment: Augment = "default"


def bundle_of_arrays(
    known: ArraySet,
    arrays: ImageArrays,
    options: ArrayOptions,
    *,
    name: str | None = None,
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Hold out the validation images, a tenth of every class, and put the three splits together.

    Args:
        known: the data set.
        arrays: its images and labels.
        options: how they are read; the seed says which images validate.
        name: of the bundle, where it is not the set's own.
        notes: passed on.

    Raises:
        BadInputError: a class has too few images.
    """
    _check_counts(known, arrays)
    recipe = known.recipes[options.augment]
    preprocessing = _preprocessing(known, options, recipe)
    kept, held = stratified_holdout(_labels(arrays.train_labels), fraction=VALIDATION, seed=options.seed)

    def split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> MemorySplit:
        pixels = _convert(images, channels=preprocessing.channels)
        return MemorySplit(
            prepare_images(pixels, size=preprocessing.image_size), _labels(labels), preprocessing, recipe
        )

    return DataBundle(
        name=name or known.name,
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
    """RGB uint8 [N, H, W, 3] -> 8-bit grey [N, H, W] by ITU-R BT.601, to the bit as Pillow does it.

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


def _convert(images: NDArray[np.uint8], *, channels: int) -> NDArray[np.uint8]:
    """[N, H, W, 1 or 3]; grey stays grey here, for a split repeats it batch by batch."""
    if images.ndim == 4 and channels == 1:
        images = to_grey(images)
    return images[..., None] if images.ndim == 3 else images


def _preprocessing(known: ArraySet, options: ArrayOptions, recipe: Recipe) -> Preprocessing:
    own = len(known.mean)
    channels = options.channels or own
    mean, std = ((0.0,) * own, (1.0,) * own) if recipe.unit_range else (known.mean, known.std)
    words = {(1, 3): f"grey in three equal channels, {RESIZE}", (3, 1): f"8-bit grey (ITU-R BT.601), {RESIZE}"}
    return Preprocessing(
        image_size=options.image_size or known.image_size,
        channels=channels,
        mean=_spread(mean, channels),
        std=_spread(std, channels),
        resize=words.get((own, channels), RESIZE),
    )


def _spread(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """A value per channel: grey's for all three, or the weighted mean of red's, green's and blue's."""
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
