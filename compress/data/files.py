"""A split whose images are files: read and augmented by ``DataLoader`` workers, each image from its own seed."""

import importlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compress.config import Augment
from compress.data.bundle import Order, Preprocessing
from compress.data.images import fit_image, read_image
from compress.data.order import epoch_steps, plan_batches, random_bits
from models_zoo import torchvision_mend  # noqa: F401  (torchvision's submodules can be imported after it)

v2: Any = importlib.import_module("torchvision.transforms.v2")

CROP_AREA = (0.35, 1.0)  # of the image, random resized crop
CUTOUT_AREA = 1 / 16  # of the cropped image; in half of the images
PAPER_ROTATION = 15.0  # degrees either way
PAPER_CUTOUT_AREA = 1 / 4  # a square of half the side, in every image
_AUGMENT = 0x4155  # stream of random numbers


@dataclass(frozen=True, eq=False)
class FileSplit:
    """Files and labels int64 [N], read when they are asked for.

    Attributes:
        files: the images, of any size.
        labels: int64 [N].
        preprocessing: size, channels, mean and std for the batches.
        augment: ``default`` crops, flips and, in colour, cuts squares out of half of the images;
            ``paper`` takes the whole square, flips, turns and cuts a square out of all of them.
        workers: processes that read; 0 reads in this one. They change nothing but the speed.
    """

    files: tuple[Path, ...]
    labels: Tensor
    preprocessing: Preprocessing
    augment: Augment
    workers: int

    def __len__(self) -> int:
        return len(self.files)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``.

        Raises:
            BadInputError: a file is no longer what the scan saw.
        """
        plan = plan_batches(order, size=len(self), batch_size=batch_size)
        loader = DataLoader(
            _Epoch(self, order),
            batch_sampler=[indices.tolist() for indices in plan[first:]],
            num_workers=self.workers,
            worker_init_fn=_ignore_interrupts,
            generator=torch.Generator(),  # else every pass would draw from torch's own: a resume would differ
        )
        for images, labels in loader:
            yield images.contiguous(memory_format=torch.channels_last), labels

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return epoch_steps(len(self), batch_size)

    def subset(self, indices: Tensor) -> "FileSplit":
        """See ``Split.subset``."""
        return replace(self, files=tuple(self.files[i] for i in indices.tolist()), labels=self.labels[indices])


@dataclass(frozen=True, eq=False)
class _Epoch(Dataset[tuple[Tensor, Tensor]]):
    """One pass over a split, image by image; what the workers hold."""

    split: FileSplit
    order: Order | None

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = read_image(self.split.files[index], channels=self.split.preprocessing.channels)
        if self.order is None:
            return self._normalise(self._fit(image)), self.split.labels[index]
        key = (self.order.seed, self.order.epoch, _AUGMENT)
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(int(random_bits(key, np.array([index]))[0]))
            return self._erase(self._normalise(self._move(image))), self.split.labels[index]

    def _fit(self, image: Image.Image) -> Image.Image:
        return fit_image(image, size=self.split.preprocessing.image_size)

    @cached_property
    def _move(self) -> Any:
        if self.split.augment == "paper":
            turn = v2.RandomRotation(PAPER_ROTATION, interpolation=v2.InterpolationMode.BILINEAR)
            return v2.Compose([self._fit, v2.RandomHorizontalFlip(), turn])
        size = self.split.preprocessing.image_size
        return v2.Compose([v2.RandomResizedCrop(size, scale=CROP_AREA, antialias=True), v2.RandomHorizontalFlip()])

    @cached_property
    def _normalise(self) -> Any:
        shown = self.split.preprocessing
        scale = v2.ToDtype(torch.float32, scale=True)
        return v2.Compose([v2.PILToTensor(), scale, v2.Normalize(shown.mean, shown.std)])

    @cached_property
    def _erase(self) -> Any:
        """Cutout (DeVries and Taylor, arXiv 1708.04552), for photographs: colour is how they are told."""
        if self.split.augment == "paper":
            share, area = 1.0, PAPER_CUTOUT_AREA
        else:
            share, area = (0.5 if self.split.preprocessing.channels == 3 else 0.0), CUTOUT_AREA
        return v2.RandomErasing(p=share, scale=(area, area), ratio=(1, 1))


def _ignore_interrupts(worker: int) -> None:  # noqa: ARG001
    """Ctrl-C reaches the whole group; the run finishes its step first, so its workers must live on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
