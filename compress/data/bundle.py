"""What every data set becomes: three splits of normalised batches, and how their images were prepared."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from compress.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class Order:
    """One epoch of training: its shuffle and its augmentation are a function of these two numbers."""

    seed: int
    epoch: int


class Split(Protocol):
    """Labelled images, read in batches."""

    @property
    def labels(self) -> Tensor:
        """Labels int64 [N], in file order."""

    @property
    def views(self) -> int:
        """How many views stand for all that augmentation makes of an image: 2 (it and its mirror image) or 1.

        0 where training shows parts of images: no view stands for all.
        """

    def __len__(self) -> int:
        """The number of images N."""

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Read the split once: images float32 [B, C, H, W] normalised; labels int64 [B].

        Without ``order`` in file order and without augmentation. An ``Order`` shuffles and augments; image i of an
        epoch is augmented from (seed, epoch, i) alone. A last batch of one image is then dropped (BatchNorm cannot
        train on it). The first ``first`` batches are not read; the others are the same, bit for bit.
        """

    def steps(self, batch_size: int) -> int:
        """The number of batches with an ``Order``."""

    def subset(self, indices: Tensor) -> "Split":
        """The images at ``indices`` (int64 [M], into file order) as a new split, in that order."""

    def with_preprocessing(self, preprocessing: Preprocessing) -> "Split":
        """The same images, prepared in another way."""


@dataclass(frozen=True)
class DataBundle:
    """A data set: weights learn from ``train``, decisions use ``val``, and only the verdict uses ``test``."""

    name: str  # of ``DATASETS``, or the folder's
    classes: tuple[str, ...]  # class names; the label is the index
    train: Split
    val: Split
    test: Split
    preprocessing: Preprocessing
    fingerprint: str  # sha256 (hex) of all images, labels and of which split each is in
    test_fingerprint: str  # sha256 (hex) of the test images and their labels: the same for every seed
    notes: tuple[str, ...] = ()  # what the user has to know: skipped files, a split that was cut from another
    prepared: bool = False  # batches are as the caller prepared them, ``preprocessing`` is what was said of them

    def in_default_layout(self) -> "DataBundle":
        """The same images in torch's default memory layout, for networks whose code does not take channels_last."""
        shown = replace(self.preprocessing, channels_last=False)
        train, val, test = (split.with_preprocessing(shown) for split in (self.train, self.val, self.test))
        return replace(self, train=train, val=val, test=test, preprocessing=shown)
