"""A split in memory, for tests of training that need no data set."""

from collections.abc import Iterator

import torch
from torch import Tensor

from compress.data.bundle import Order


class TensorSplit:
    """Images and labels as given; an ``Order`` shuffles them."""

    views = 0

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._images, self._labels = images, labels

    @property
    def labels(self) -> Tensor:
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def steps(self, batch_size: int) -> int:
        return -(-len(self) // batch_size)

    def batches(
        self, batch_size: int, *, order: Order | None = None, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        indices = torch.arange(len(self))
        if order is not None:
            generator = torch.Generator().manual_seed(order.seed * 1000 + order.epoch)
            indices = torch.randperm(len(self), generator=generator)
        for batch in list(indices.split(batch_size))[first:]:
            yield self._images[batch], self._labels[batch]


def learnable_split(count: int = 100, *, shape: tuple[int, ...] = (2, 12, 12), seed: int = 0) -> TensorSplit:
    """Five classes, told apart by the mean of the first channel."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 5
    images = 0.3 * torch.randn(count, *shape, generator=generator)
    images[:, 0] += (labels - 2.0)[:, None, None]
    return TensorSplit(images, labels)
