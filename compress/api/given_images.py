"""Images that the caller has prepared, in tensors or a torch data set, as a ``DataBundle`` for the verdict."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
)

from compress.data.bundle import DataBundle, Order
from compress.data.preprocessing import Preprocessing
from compress.errors import UsageError

_READ_AT_ONCE = 64
Images = Tensor | np.ndarray | Dataset[Any] | DataLoader[Any]
"""Images (N, C, H, W), or a data set or loader of (image, label)."""


@dataclass(frozen=True, eq=False)
class GivenSplit:
    """A torch data set, read anew in its own order every time; a ``Split`` that nothing trains on."""

    source: Dataset[Any]
    labels: Tensor
    options: Mapping[str, Any] = field(default_factory=dict)  # of the ``DataLoader``

    @property
    def views(self) -> int:
        """See ``Split.views``; there is no augmentation that is known."""
        return 0

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See ``Split.batches``; there is no other order."""
        assert order is None
        loader = DataLoader(self.source, batch_size=batch_size, **self.options)
        return islice(map(_pair, loader), first, None)

    def steps(self, batch_size: int) -> int:
        """See ``Split.steps``."""
        return -(-len(self) // batch_size)

    def subset(self, indices: Tensor) -> "GivenSplit":
        """See ``Split.subset``."""
        return replace(self, source=Subset(self.source, indices.tolist()), labels=self.labels[indices])

    def with_preprocessing(self, preprocessing: Preprocessing) -> "GivenSplit":
        """UsageError: there are no pixels to prepare in another way."""
        raise UsageError(f"the given images are prepared already, got {preprocessing} for them")


@dataclass(frozen=True)
class GivenImages:
    """The images of a data set, read once: shape, labels, range of the values, and a checksum."""

    split: GivenSplit
    shape: tuple[int, int, int]
    low: float
    high: float
    fingerprint: str

    def bundle(self, classes: Sequence[str], preprocessing: Preprocessing) -> DataBundle:
        """The data for the verdict: no training, no validation images."""
        none = self.split.subset(torch.arange(0))
        return DataBundle(
            name="the given images",
            classes=tuple(classes),
            train=none,
            val=none,
            test=self.split,
            preprocessing=preprocessing,
            fingerprint=self.fingerprint,
            test_fingerprint=self.fingerprint,
            prepared=True,
        )

    def guess_preprocessing(self) -> Preprocessing:
        """The mean and std with which all values come from pixels of 0 to 1, for pictures in the report."""
        channels, size, _width = self.shape
        span = self.high - self.low
        mean, std = (-self.low / span, 1 / span) if self.low <= 0 <= self.high and span >= 1 else (0.0, 1.0)
        return Preprocessing(size, channels, (mean,) * channels, (std,) * channels)


def read_given(images: Images, labels: Tensor | np.ndarray | None) -> GivenImages:
    """Read all images and labels once; UsageError if they are none that a classifier is measured on."""
    source, options = _source(images, labels)
    checksum, shape, low, high, every = hashlib.sha256(), None, np.inf, -np.inf, []
    for batch, theirs in GivenSplit(source, torch.empty(0), options).batches(_READ_AT_ONCE):
        shape = _checked_shape(batch, theirs, shape)
        if not batch.isfinite().all():
            raise UsageError("expected images of finite numbers, got NaN or infinity")
        low, high = min(low, float(batch.min())), max(high, float(batch.max()))
        checksum.update(batch.contiguous().numpy().tobytes())
        every.append(theirs)
    if shape is None:
        raise UsageError("expected at least one image, got none")
    split = GivenSplit(source, torch.cat(every), options)
    checksum.update(split.labels.numpy().tobytes())
    _check_steady(split)
    return GivenImages(split, shape, low, high, checksum.hexdigest())


def _check_steady(split: GivenSplit) -> None:
    once, again = (next(split.batches(_READ_AT_ONCE))[0] for _time in range(2))
    if not torch.equal(once, again):
        raise UsageError(
            "expected the same images every time they are read, got others the second time; leave out the random "
            "augmentation of training"
        )


def _source(images: Images, labels: Tensor | np.ndarray | None) -> tuple[Dataset[Any], dict[str, Any]]:
    if isinstance(images, Tensor | np.ndarray):
        if labels is None or len(labels) != len(images):
            raise UsageError(f"expected a label for each of {len(images)} images, got {_length(labels)}")
        return TensorDataset(torch.as_tensor(images).detach().cpu(), torch.as_tensor(labels).cpu()), {}
    if labels is not None:
        raise UsageError("expected no labels beside a data set: it gives pairs of an image and its label")
    if isinstance(images, DataLoader):
        options = {"collate_fn": images.collate_fn, "num_workers": images.num_workers}
        return _sampled(images, _checked_source(images.dataset)), options
    return _checked_source(images), {}


def _sampled(loader: DataLoader[Any], source: Dataset[Any]) -> Dataset[Any]:
    """The images that a loader's own sampler draws, such as one part of a data set; shuffling alone draws all."""
    batches = loader.batch_sampler
    if batches is not None and type(batches) is not BatchSampler:  # of the user's own kind
        return Subset(source, sorted(index for batch in batches for index in batch))
    drawn: Any = loader.sampler if batches is None else batches.sampler
    if isinstance(drawn, SequentialSampler | RandomSampler) and len(drawn) == len(source):  # type: ignore[arg-type]
        return source
    return Subset(source, sorted(drawn))


def _length(labels: Tensor | np.ndarray | None) -> str:
    return "none" if labels is None else str(len(labels))


def _checked_source(source: Any) -> Dataset[Any]:
    if isinstance(source, IterableDataset) or not hasattr(source, "__getitem__") or not hasattr(source, "__len__"):
        raise UsageError(
            f"expected images and labels, or a data set that is read by index, got {type(source).__name__}; every file "
            "reads the images again, in the same order"
        )
    return source


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise UsageError(f"expected a data set of pairs (image, label), got a {type(batch).__name__}")
    images, labels = (torch.as_tensor(part) for part in batch)
    images = images.float() if images.is_floating_point() else images
    return images, labels if labels.is_floating_point() else labels.long()


def _checked_shape(images: Tensor, labels: Tensor, before: tuple[int, int, int] | None) -> tuple[int, int, int]:
    shape = tuple(images.shape[1:])
    if images.dtype != torch.float32 or len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2]:
        raise UsageError(
            "expected square images as the files take them, float32 (N, 1 or 3, H, H), got "
            f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}"
        )
    if before not in (None, shape):
        raise UsageError(f"expected images of one size, got {before} and {shape}")
    if labels.dtype != torch.int64 or labels.dim() != 1:
        raise UsageError(
            f"expected a class number for each of {len(images)} images, got "
            f"{str(labels.dtype).removeprefix('torch.')} {tuple(labels.shape)}"
        )
    return shape
