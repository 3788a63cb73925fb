"""What every data set becomes: three splits of normalised batches, and how their images were prepared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """All a deployer needs to feed the network the images it was tested on.

    Attributes:
        image_size: height and width, pixels.
        channels: 1 grey or 3 RGB.
        mean: per channel, of pixels scaled to [0, 1].
        std: per channel, of pixels scaled to [0, 1].
        resize: in words, how an image of any size becomes ``image_size`` x ``image_size``.
    """

    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image as the network takes it."""
        return self.channels, self.image_size, self.image_size

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels as the network takes them.

        Args:
            pixels: uint8 [B, H, W, C]; grey is repeated where three channels are expected.

        Returns:
            float32 [B, C, H, W], channels_last in memory.
        """
        wide_BHWC = pixels.expand(-1, -1, -1, self.channels).contiguous()
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return wide_BHWC.float().div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Order:
    """One epoch of training: its shuffle and its augmentation are a function of these two numbers."""

    seed: int
    epoch: int


class Split(Protocol):
    """Labelled images, read in batches.

    Attributes:
        labels: int64 [N], in file order.
    """

    @property
    def labels(self) -> Tensor:
        """Labels int64 [N], in file order."""

    def __len__(self) -> int:
        """The number of images N."""

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Read the split once.

        Args:
            batch_size: images per batch.
            order: ``None`` reads in file order, without augmentation. An ``Order`` shuffles and
                augments; image i of an epoch is augmented from (seed, epoch, i) alone. A last batch
                of one image is then dropped (BatchNorm cannot train on it), a larger one is kept.
            first: batches to skip, at no cost; the others come out bit for bit as without it.

        Yields:
            images float32 [B, C, H, W] normalised, channels_last in memory; labels int64 [B].
        """

    def steps(self, batch_size: int) -> int:
        """The number of batches that an ``Order`` gives."""

    def subset(self, indices: Tensor) -> "Split":
        """The images at ``indices`` (int64 [M], into file order) as a split of their own, in that order."""


@dataclass(frozen=True)
class DataBundle:
    """A data set, ready: the test split is for the verdict only, never for a decision.

    Attributes:
        name: a name of ``DATASETS`` or the folder's name.
        classes: class names; the label is the index.
        train: images the weights learn from.
        val: images decisions are taken on.
        test: images of the verdict.
        preprocessing: how the images were prepared.
        fingerprint: sha256 (hex) of all images, labels and of which split each is in.
        test_fingerprint: sha256 (hex) of the test images and their labels: the same for every seed.
        notes: what the user has to know: skipped files, a split that was cut from another.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    preprocessing: Preprocessing
    fingerprint: str
    test_fingerprint: str
    notes: tuple[str, ...] = ()
