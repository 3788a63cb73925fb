"""A split whose images are files: they are read and varied batch by batch.

Axes: B images of a batch, H height, W width, C channels.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from compress.data.augment import Recipe, augment_pixels, cut_out
from compress.data.bundle import Order, Preprocessing
from compress.data.images import fit_image, read_image
from compress.data.order import epoch_steps, plan_batches, random_integers, random_uniforms
from compress.data.workers import Reading, read_batches
from compress.settings.config import Augment


@dataclass(frozen=True)
class FileRecipe:
    """What training does to a picture.

    Attributes:
        pixels: what it does once the picture is a square of the size.
        crop: that square is a random part of the picture, not its middle.
        cut: which pictures lose a square of ``pixels.cutout``.
    """

    pixels: Recipe
    crop: bool
    cut: Literal["all", "half of those in colour"]


RECIPES: Final[Mapping[Augment, FileRecipe]] = MappingProxyType(
    {
        "default": FileRecipe(Recipe(flip=True, cutout=1 / 4), crop=True, cut="half of those in colour"),
        "paper": FileRecipe(Recipe(flip=True, rotation=15.0, cutout=1 / 2), crop=False, cut="all"),
    }
)
"""What ``augment`` "default" and "paper" do to files.

Grey pictures are told by their shape, of which Cutout (DeVries and Taylor, arXiv 1708.04552) takes a part
away: by default only coloured ones lose a square. The paper (arXiv 2006.04270) turns, mirrors and cuts
its Flowers without giving angles or sizes; these are those of ``augment.RECIPES["cifar10"]``.
"""

CROP_AREA: Final = (0.35, 1.0)  # of the picture
CROP_RATIO: Final = (3 / 4, 4 / 3)  # width to height
_CROP, _CUT = 0x4352, 0x4355_54  # streams of random numbers


@dataclass(frozen=True, eq=False)
class FileSplit:
    """Files and labels int64 [N], read when they are asked for.

    Attributes:
        files: the images, of any size.
        labels: int64 [N].
        preprocessing: size, channels, mean and std for the batches.
        augment: an entry of ``RECIPES``, for training.
        workers: see ``Reading``.
    """

    files: tuple[Path, ...]
    labels: Tensor
    preprocessing: Preprocessing
    augment: Augment
    workers: int | None

    def __len__(self) -> int:
        return len(self.files)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``.

        Raises:
            BadInputError: a file is no longer what the scan saw.
            EnvironmentProblem: a process that read was killed.
        """
        plan = plan_batches(order, size=len(self), batch_size=batch_size)[first:]
        size = self.preprocessing.image_size
        work = Reading(workers=self.workers, batch_bytes=batch_size * size * size * self.preprocessing.channels)
        for indices, pixels in zip(plan, read_batches(_Pass(self, order), plan, work), strict=True):
            images = self.preprocessing.normalise(pixels)
            if order is not None:
                self._cut(images, indices=indices, order=order)
            yield images, self.labels[torch.from_numpy(indices)]

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "FileSplit":
        """See ``Split.subset``."""
        return replace(self, files=tuple(self.files[i] for i in indices.tolist()), labels=self.labels[indices])

    def _cut(self, images: Tensor, *, indices: NDArray[np.int64], order: Order) -> None:
        recipe = RECIPES[self.augment]
        side = round(recipe.pixels.cutout * self.preprocessing.image_size)
        if recipe.cut == "all":
            cut_out(images, indices=indices, order=order, side=side)
        elif self.preprocessing.channels == 3:
            drawn = random_integers((order.seed, order.epoch, _CUT), indices, low=0, high=1).astype(bool)
            chosen = torch.from_numpy(drawn)
            images[chosen] = cut_out(images[chosen], indices=indices[drawn], order=order, side=side)


@dataclass(frozen=True, eq=False)
class _Pass:
    """One pass over a split; what the workers hold. Pixels are a quarter of the bytes of what they become."""

    split: FileSplit
    order: Order | None

    def __call__(self, indices: NDArray[np.int64]) -> Tensor:
        """Pixels uint8 [B, H, W, C] of the images at these places."""
        recipe = RECIPES[self.split.augment]
        if self.order is None or not recipe.crop:
            squares = [self._square(place, None) for place in indices]
        else:
            key = (self.order.seed, self.order.epoch, _CROP)
            draws = random_uniforms(key, indices, count=4)
            squares = [self._square(place, row) for place, row in zip(indices, draws, strict=True)]
        pixels = torch.from_numpy(np.stack(squares))
        if self.order is None:
            return pixels
        return augment_pixels(pixels, indices=indices, order=self.order, recipe=recipe.pixels)

    def _square(self, place: int, draws: NDArray[np.float64] | None) -> NDArray[np.uint8]:
        """A random part of a picture, or its middle: uint8 [H, W, C]."""
        shown = self.split.preprocessing
        picture = read_image(self.split.files[place], channels=shown.channels)
        side = (shown.image_size, shown.image_size)
        if draws is None:
            square = fit_image(picture, size=shown.image_size)
        else:
            square = picture.crop(crop_box(picture.size, draws)).resize(side, Image.Resampling.BILINEAR)
        return np.asarray(square).reshape(*side, shown.channels)


def crop_box(size: tuple[int, int], draws: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """A random part of a picture: ``CROP_AREA`` of it, of a shape in ``CROP_RATIO``, cut off where it would stick out.

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
