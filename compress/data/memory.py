"""A split whose images are in memory.

Axes: N images of the split, B images of a batch, H height, W width, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from compress.data.augment import PLAIN, Recipe, apply_cutout, augment_pixels
from compress.data.bundle import Order, Preprocessing
from compress.data.order import epoch_steps, plan_batches
from compress.errors import EnvironmentProblem

RESIZE = "bilinear with antialiasing to the size, aspect ratio not kept, rounded to 8 bits"
RESIZED_AT_ONCE = 2**30  # bytes of a resized split; in a larger split every batch is resized when it is read
_RESIZE_CHUNK = 4096  # images; limits the float copies while resizing


@dataclass(frozen=True, eq=False)
class MemorySplit:
    """Images uint8 [N, H, W, C] and labels int64 [N].

    Attributes:
        images: uint8 [N, H, W, C]; batches are resized to the size in ``preprocessing`` if needed.
        labels: int64 [N].
        preprocessing: size, channels, mean and std of the batches.
        recipe: the augmentation for training.
    """

    images: Tensor
    labels: Tensor
    preprocessing: Preprocessing
    recipe: Recipe = PLAIN

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``."""
        for indices in plan_batches(order, size=len(self), batch_size=batch_size)[first:]:
            chosen = torch.from_numpy(indices)
            pixels = resized(self.images.index_select(0, chosen), size=self.preprocessing.image_size)
            if order is not None:
                pixels = augment_pixels(pixels, indices=indices, order=order, recipe=self.recipe)
            images = self.preprocessing.normalise(pixels)
            if order is not None:
                apply_cutout(images, indices=indices, order=order, recipe=self.recipe)
            yield images, self.labels[chosen]

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "MemorySplit":
        """See ``Split.subset``."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])


def prepare_images(images: NDArray[np.uint8], *, size: int) -> Tensor:
    """The images a split holds: resized now, or unchanged if resized they would exceed ``RESIZED_AT_ONCE``.

    The batches are the same, bit for bit.

    Args:
        images: uint8 [N, H, W, C].
        size: height and width of the batches, pixels.

    Returns:
        uint8 [N, size, size, C] or ``images``.
    """
    if len(images) * size * size * images.shape[3] > RESIZED_AT_ONCE:
        return torch.from_numpy(np.ascontiguousarray(images))
    return resize_images(images, size=size)


def resize_images(images: NDArray[np.uint8], *, size: int) -> Tensor:
    """Resize images uint8 [N, H, W, C] to [N, size, size, C], contiguous, as ``RESIZE`` says.

    Raises:
        EnvironmentProblem: the result does not fit into memory.
    """
    needed = len(images) * size * size * images.shape[3]
    available = psutil.virtual_memory().available
    if needed > available:
        raise EnvironmentProblem(
            f"expected {needed / 2**30:.1f} GiB of free memory for {len(images):,} images of {size} x {size} pixels, "
            f"got {available / 2**30:.1f} GiB; try a smaller --image-size"
        )
    source = torch.from_numpy(np.ascontiguousarray(images))
    if source.shape[1:3] == (size, size):
        return source
    result = torch.empty((len(source), size, size, source.shape[3]), dtype=torch.uint8)
    for start in range(0, len(source), _RESIZE_CHUNK):
        result[start : start + _RESIZE_CHUNK] = resized(source[start : start + _RESIZE_CHUNK], size=size)
    return result


def resized(images: Tensor, *, size: int) -> Tensor:
    """Resize a chunk of images uint8 [B, H, W, C] as ``RESIZE`` says; the chunk's size does not change the result."""
    if images.shape[1:3] == (size, size):
        return images
    planes = images.permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return planes.round_().clamp_(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
