"""Tiny networks, one per way channels can be tied together; each with the image it takes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 5
IMAGE = (2, 12, 12)


def image_batch(count: int = 3, *, seed: int = 0) -> Tensor:
    return torch.randn(count, *IMAGE, generator=torch.Generator().manual_seed(seed))


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 6, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    )


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.inner = nn.Conv2d(8, 7, 3, padding=1)
        self.outer = nn.Conv2d(7, 8, 3, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.stem(images)).relu()
        features = (features + self.outer(self.inner(features).relu())).relu()
        return self.head(features.mean((2, 3)))


class Concat(nn.Module):
    """Two branches side by side and a convolutional head, as in SqueezeNet."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(2, 6, 1)
        self.left = nn.Conv2d(6, 5, 1)
        self.right = nn.Conv2d(6, 7, 3, padding=1)
        self.head = nn.Conv2d(12, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        squeezed = self.squeeze(images).relu()
        both = torch.cat([self.left(squeezed).relu(), self.right(squeezed).sigmoid()], 1)
        return self.head(both).relu().mean((2, 3))


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 12, 3),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 9, 3, groups=3),
        nn.ReLU(),
        nn.Conv2d(9, 8, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, CLASSES),
    )


def depthwise() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 10, 1),
        nn.BatchNorm2d(10),
        nn.ReLU6(),
        nn.Conv2d(10, 10, 3, groups=10),
        nn.BatchNorm2d(10),
        nn.Hardswish(),
        nn.Conv2d(10, 6, 1, bias=False),
        nn.BatchNorm2d(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    )


def flatten_to_linear() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=3),
        nn.PReLU(6),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 10),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(10, CLASSES),
    )


class SqueezeExcite(nn.Module):
    """Channels weighted by a sigmoid of themselves: after it, a zeroed filter is not zero."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.reduce = nn.Conv2d(8, 4, 1)
        self.expand = nn.Conv2d(4, 8, 1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.stem(images)).relu()
        scale = self.expand(self.reduce(features.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return self.head((features * scale).mean((2, 3)))


class SharedInput(nn.Module):
    """One stream read by three layers, one of them skipping ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 9, 3)
        self.first = nn.Conv2d(9, 4, 1)
        self.second = nn.Conv2d(9, 4, 3, padding=1)
        self.head = nn.Linear(4 + 9, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images).sigmoid()
        mixed = (self.first(features) * self.second(features)).relu()
        return self.head(torch.cat([mixed.mean((2, 3)), features.amax((2, 3))], 1))


def transposed() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=2),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 8, 2, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, CLASSES),
    )


class ByName(nn.Module):
    """Layers that are called with their input by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.up = nn.Conv2d(IMAGE[0], 6, 3, padding=1), nn.ConvTranspose2d(6, 8, 2, stride=2)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        features = self.up(input=self.first(input=images).relu()).relu()
        return self.head(input=features.mean((2, 3)))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": plain,
    "residual": Residual,
    "concat": Concat,
    "grouped": grouped,
    "depthwise": depthwise,
    "flatten to linear": flatten_to_linear,
    "squeeze and excite": SqueezeExcite,
    "shared input": SharedInput,
    "transposed": transposed,
    "inputs by name": ByName,
}


def built(name: str, *, seed: int = 0) -> nn.Module:
    """The network in eval mode, with BatchNorm statistics that are not the trivial ones."""
    torch.manual_seed(seed)
    network = NETWORKS[name]()
    network.train()
    for _ in range(3):
        network(torch.randn(8, *IMAGE) * 2 + 1)
    return network.eval()
