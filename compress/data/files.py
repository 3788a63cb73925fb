"""A split whose images are files: they are read and augmented batch by batch.

Axes: B images of a batch, H height, W width, C channels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from compress.data.augment import Recipe, apply_cutout, augment_pixels
from compress.data.bundle import Order, Preprocessing
from compress.data.images import fit_image, read_image
from compress.data.order import epoch_steps, plan_batches, random_uniforms
from compress.data.workers import read_batches

CROP_AREA: Final = (0.35, 1.0)  # of the picture
CROP_RATIO: Final = (3 / 4, 4 / 3)  # width to height
_CROP = 0x4352  # stream of random numbers


@dataclass(frozen=True, eq=False)
class FileSplit:
    """Image files and their labels.

    Attributes:
        files: images of any size.
        labels: int64 [N].
        preprocessing: size, channels, mean and std of the batches.
        recipe: the augmentation for training.
        workers: processes that read; see ``read_batches``.
    """

    files: tuple[Path, ...]
    labels: Tensor
    preprocessing: Preprocessing
    recipe: Recipe
    workers: int | None

    def __len__(self) -> int:
        return len(self.files)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``.

        Raises:
            BadInputError: a file changed after the scan and cannot be read any more.
            EnvironmentProblem: a reading process was killed.
        """
        plan = plan_batches(order, size=len(self), batch_size=batch_size)[first:]
        size = self.preprocessing.image_size
        batch_bytes = batch_size * size * size * self.preprocessing.channels
        read = read_batches(_ReadPixels(self, order), plan, workers=self.workers, batch_bytes=batch_bytes)
        for indices, pixels in zip(plan, read, strict=True):
            images = self.preprocessing.normalise(pixels)
            if order is not None:
                apply_cutout(images, indices=indices, order=order, recipe=self.recipe)
            yield images, self.labels[torch.from_numpy(indices)]

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "FileSplit":
        """See ``Split.subset``."""
        return replace(self, files=tuple(self.files[i] for i in indices.tolist()), labels=self.labels[indices])


@dataclass(frozen=True, eq=False)
class _ReadPixels:
    """Reads batches of one pass over a split, in the workers; 8-bit pixels are a quarter of the normalised bytes."""

    split: FileSplit
    order: Order | None

    def __call__(self, indices: NDArray[np.int64]) -> Tensor:
        """Pixels uint8 [B, H, W, C] of the images at these places."""
        recipe = self.split.recipe
        if self.order is None or not recipe.crop:
            squares = [self._square(place, None) for place in indices]
        else:
            key = (self.order.seed, self.order.epoch, _CROP)
            draws = random_uniforms(key, indices, count=4)
            squares = [self._square(place, row) for place, row in zip(indices, draws, strict=True)]
        pixels = torch.from_numpy(np.stack(squares))
        if self.order is None:
            return pixels
        return augment_pixels(pixels, indices=indices, order=self.order, recipe=recipe)

    def _square(self, place: int, draws: NDArray[np.float64] | None) -> NDArray[np.uint8]:
        """A random part of a picture, or its centre: uint8 [H, W, C]."""
        preprocessing = self.split.preprocessing
        picture = read_image(self.split.files[place], channels=preprocessing.channels)
        side = (preprocessing.image_size, preprocessing.image_size)
        if draws is None:
            square = fit_image(picture, size=preprocessing.image_size)
        else:
            square = picture.crop(crop_box(picture.size, draws)).resize(side, Image.Resampling.BILINEAR)
        return np.asarray(square).reshape(*side, preprocessing.channels)


def crop_box(size: tuple[int, int], draws: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """A random part of a picture, of an area in ``CROP_AREA`` and a shape in ``CROP_RATIO``, clipped at the edge.

    Args:
        size: width and height, pixels.
        draws: float64 [4] in [0, 1): for area, shape, left and top.

    Returns:
        left, top, right, bottom, pixels.
    """
    width, height = size
    area = width * height * (CROP_AREA[0] + draws[0] * (CROP_AREA[1] - CROP_AREA[0]))
    low, high = map(math.log, CROP_RATIO)
    ratio = math.exp(low + draws[1] * (high - low))
    across = min(max(round(math.sqrt(area * ratio)), 1), width)
    down = min(max(round(math.sqrt(area / ratio)), 1), height)
    left, top = int(draws[2] * (width - across + 1)), int(draws[3] * (height - down + 1))
    return left, top, left + across, top + down
