"""Splits whose images are in memory, or in files that are read batch by batch.

Axes: N images of the split, B images of a batch, H height, W width, C channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from compress.data.augment import PLAIN, Recipe, apply_cutout, augment_pixels
from compress.data.bundle import Order
from compress.data.framing import Framing
from compress.data.images import MAX_BYTES, convert_image, crop_box, decode_image
from compress.data.order import epoch_steps, plan_batches, random_uniforms
from compress.data.preprocessing import Preprocessing
from compress.data.scan import ImageFile
from compress.data.stamps import read_unchanged
from compress.data.workers import read_batches
from compress.errors import EnvironmentProblem

WHOLE = Framing("squash")
"""Arrays are resized whole unless a setting says otherwise."""

RESIZED_AT_ONCE = 2**30  # bytes of a resized split; in a larger split every batch is resized when it is read
_RESIZE_CHUNK = 4096  # images; limits the float copies while resizing
_CROP = 0x4352  # stream of random numbers

Plan = Sequence[NDArray[np.int64]]
"""The indices int64 [B] of each batch."""


class _PixelSplit:
    """A ``Split`` of 8-bit pixels, see ``bundle``; a subclass says where they are."""

    labels: Tensor
    preprocessing: Preprocessing
    recipe: Recipe

    @property
    def views(self) -> int:
        recipe = self.recipe
        return 0 if recipe.crop or recipe.cutout or recipe.rotation else 2 if recipe.flip else 1

    def __len__(self) -> int:
        return len(self.labels)

    def steps(self, batch_size: int) -> int:
        return epoch_steps(len(self), batch_size)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        plan = plan_batches(order, size=len(self), batch_size=batch_size)[first:]
        for indices, pixels in zip(plan, self._read(plan, order, batch_size), strict=True):
            images = self.preprocessing.normalise(pixels)
            apply_cutout(images, indices=indices, order=order, recipe=self.recipe)
            yield images, self.labels[torch.from_numpy(indices)]

    def _read(self, plan: Plan, order: Order | None, batch_size: int) -> Iterator[Tensor]:
        """Augmented pixels uint8 [B, H, W, C] of each batch, before normalisation."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class MemorySplit(_PixelSplit):
    """Images uint8 [N, H, W, C] and labels int64 [N]; those of another size than ``preprocessing`` has are resized.

    ``recipe`` is the augmentation for training.
    """

    images: Tensor
    labels: Tensor
    preprocessing: Preprocessing
    recipe: Recipe = PLAIN

    def _read(self, plan: Plan, order: Order | None, batch_size: int) -> Iterator[Tensor]:  # noqa: ARG002
        for indices in plan:
            chosen = self.images.index_select(0, torch.from_numpy(indices))
            size = self.preprocessing.image_size
            if chosen.shape[1:3] != (size, size):
                chosen = _resized(chosen, self.preprocessing.framing, size=size)
            yield augment_pixels(chosen, indices=indices, order=order, recipe=self.recipe)

    def subset(self, indices: Tensor) -> "MemorySplit":
        """See ``Split.subset``."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def with_preprocessing(self, preprocessing: Preprocessing) -> "MemorySplit":
        """See ``Split.with_preprocessing``."""
        return replace(self, preprocessing=preprocessing)


def prepare_images(images: NDArray[np.uint8], *, size: int, framing: Framing = WHOLE) -> Tensor:
    """The images of a ``MemorySplit``, uint8 [N, H, W, C]: resized now, unless they would exceed ``RESIZED_AT_ONCE``.

    The batches are the same, bit for bit.
    """
    if images.shape[1:3] != (size, size) and len(images) * size * size * images.shape[3] > RESIZED_AT_ONCE:
        return torch.from_numpy(np.ascontiguousarray(images))
    return resize_images(images, size=size, framing=framing)


def resize_images(images: NDArray[np.uint8], *, size: int, framing: Framing = WHOLE) -> Tensor:
    """Resize images uint8 [N, H, W, C] to [N, size, size, C], contiguous.

    ``EnvironmentProblem`` if the result does not fit into memory.
    """
    needed = len(images) * size * size * images.shape[3]
    available = psutil.virtual_memory().available
    if needed > available:
        raise EnvironmentProblem(
            f"expected {needed / 2**30:.1f} GiB of free memory for {len(images):,} images of {size} x {size} pixels, "
            f"got {available / 2**30:.1f} GiB; try a smaller --image-size"
        )
    source = torch.from_numpy(np.ascontiguousarray(images))
    if source.shape[1:3] == (size, size) and framing.resized(size) == size:
        return source
    result = torch.empty((len(source), size, size, source.shape[3]), dtype=torch.uint8)
    for part, resized in zip(source.split(_RESIZE_CHUNK), result.split(_RESIZE_CHUNK), strict=True):
        resized.copy_(_resized(part, framing, size=size))
    return result


def _resized(images: Tensor, framing: Framing, *, size: int) -> Tensor:
    """Resize a chunk of images uint8 [B, H, W, C]; the chunk's size does not change the result.

    ``WHOLE`` is done by torch, for all images at once: a grey level from Pillow's at most.
    """
    if framing != WHOLE:
        pictures = (Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image) for image in images.numpy())
        fitted = np.stack([np.asarray(framing.fit(picture, size=size)) for picture in pictures])
        return torch.from_numpy(fitted).reshape(len(images), size, size, -1)
    planes = images.permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return planes.round_().clamp_(0, 255).permute(0, 2, 3, 1).to(torch.uint8)


@dataclass(frozen=True, eq=False)
class FileSplit(_PixelSplit):
    """Image files of any size and their labels int64 [N].

    ``recipe`` is the augmentation for training; ``workers`` the number of processes that read (see ``read_batches``).
    A file whose content is not what the scan read is a ``BadInputError``.
    """

    images: tuple[ImageFile, ...]
    labels: Tensor
    preprocessing: Preprocessing
    recipe: Recipe
    workers: int | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of the images."""
        return tuple(image.path for image in self.images)

    def _read(self, plan: Plan, order: Order | None, batch_size: int) -> Iterator[Tensor]:
        size = self.preprocessing.image_size
        batch_bytes = batch_size * size * size * self.preprocessing.channels
        return read_batches(partial(self._pixels, order), plan, workers=self.workers, batch_bytes=batch_bytes)

    def _pixels(self, order: Order | None, indices: NDArray[np.int64]) -> Tensor:
        """Pixels uint8 [B, H, W, C] of the images at these places, read in a worker: a quarter of normalised bytes."""
        draws: Sequence[NDArray[np.float64] | None] = [None] * len(indices)
        if order is not None and self.recipe.crop:
            draws = list(random_uniforms((order.seed, order.epoch, _CROP), indices, count=4))
        squares = [self._square(place, row) for place, row in zip(indices, draws, strict=True)]
        return augment_pixels(torch.from_numpy(np.stack(squares)), indices=indices, order=order, recipe=self.recipe)

    def _square(self, place: int, draws: NDArray[np.float64] | None) -> NDArray[np.uint8]:
        """A random part of a picture, or its centre: uint8 [H, W, C]."""
        size, channels, image = self.preprocessing.image_size, self.preprocessing.channels, self.images[place]
        data = read_unchanged(image.path, limit=MAX_BYTES, stamp=image.stamp, sha256=image.sha256)
        picture = convert_image(decode_image(data, source=str(image.path)), channels=channels)
        framing = self.preprocessing.framing
        if draws is None:
            square = framing.fit(picture, size=size)
        else:
            square = picture.crop(crop_box(picture.size, draws)).resize((size, size), framing.resampling)
        return np.asarray(square).reshape(size, size, channels)

    def subset(self, indices: Tensor) -> "FileSplit":
        """See ``Split.subset``."""
        return replace(self, images=tuple(self.images[i] for i in indices.tolist()), labels=self.labels[indices])

    def with_preprocessing(self, preprocessing: Preprocessing) -> "FileSplit":
        """See ``Split.with_preprocessing``."""
        return replace(self, preprocessing=preprocessing)
