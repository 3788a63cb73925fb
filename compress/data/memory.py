"""A split whose images are in memory, resized once: batches are gathered, never built image by image.

Axes: N images of the split, B of a batch, H height, W width, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from compress.data.bundle import Order, Preprocessing
from compress.data.order import epoch_steps, plan_batches, random_integers
from compress.errors import EnvironmentProblem

RESIZE = "bilinear with antialiasing to the size, aspect ratio not kept, rounded to 8 bits"
_FLIP, _SHIFT_ROWS, _SHIFT_COLUMNS = 0x464C, 0x5348_52, 0x5348_43  # streams of random numbers
_RESIZE_CHUNK = 4096  # images; bounds the float copies while resizing


@dataclass(frozen=True, eq=False)
class MemorySplit:
    """Images uint8 [N, H, W, C] and labels int64 [N]; training flips and shifts them.

    Attributes:
        images: uint8 [N, H, W, C], of the size in ``preprocessing``.
        labels: int64 [N].
        preprocessing: mean and std for the batches.
        shift: augmentation moves an image by up to this many pixels, the edge filled with zeros.
    """

    images: Tensor
    labels: Tensor
    preprocessing: Preprocessing
    shift: int

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``."""
        plan = plan_batches(order, size=len(self), batch_size=batch_size)
        for indices in plan[first:]:
            chosen = torch.from_numpy(indices)
            images = self.images.index_select(0, chosen)
            if order is not None:
                images = flip_and_shift(images, indices=indices, order=order, shift=self.shift)
            yield self._normalise(images), self.labels[chosen]

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "MemorySplit":
        """See ``Split.subset``."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def _normalise(self, images_BHWC: Tensor) -> Tensor:
        mean = torch.tensor(self.preprocessing.mean)
        std = torch.tensor(self.preprocessing.std)
        return images_BHWC.float().div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2)


def flip_and_shift(images: Tensor, *, indices: NDArray[np.int64], order: Order, shift: int) -> Tensor:
    """Mirror half of the images and move each by up to ``shift`` pixels along both axes.

    Args:
        images: uint8 [B, H, W, C].
        indices: int64 [B], the images' places in their split; with ``order`` they decide all.
        order: seed and epoch.
        shift: pixels.

    Returns:
        uint8 [B, H, W, C], a new tensor.
    """
    height, width = images.shape[1:3]
    key = (order.seed, order.epoch)
    top = random_integers((*key, _SHIFT_ROWS), indices, low=0, high=2 * shift)
    left = random_integers((*key, _SHIFT_COLUMNS), indices, low=0, high=2 * shift)
    flipped = random_integers((*key, _FLIP), indices, low=0, high=1).astype(bool)
    columns = np.where(flipped[:, None], np.arange(width)[::-1], np.arange(width)) + left[:, None]
    rows = np.arange(height) + top[:, None]
    padded = functional.pad(images, (0, 0, shift, shift, shift, shift))
    image = torch.arange(len(images))[:, None, None]
    return padded[image, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]


def resize_images(images: NDArray[np.uint8], *, size: int) -> Tensor:
    """Resize images as ``RESIZE`` says.

    Args:
        images: uint8 [N, H, W, C].
        size: height and width, pixels.

    Returns:
        uint8 [N, size, size, C], contiguous.

    Raises:
        EnvironmentProblem: they would not fit into memory.
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
    resized = torch.empty((len(source), size, size, source.shape[3]), dtype=torch.uint8)
    for start in range(0, len(source), _RESIZE_CHUNK):
        chunk = source[start : start + _RESIZE_CHUNK].permute(0, 3, 1, 2).float()
        chunk = functional.interpolate(chunk, size=(size, size), mode="bilinear", antialias=True)
        resized[start : start + _RESIZE_CHUNK] = chunk.round_().clamp_(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
    return resized
