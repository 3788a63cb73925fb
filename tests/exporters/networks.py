"""Tiny classifiers for the exporter tests, all on images of shape ``SHAPE``."""

import torch
from torch import Tensor, nn

SHAPE = (3, 16, 16)
CLASSES = 5


def plain(*, width: int = 8, seed: int = 0) -> nn.Module:
    """Conv, BatchNorm, ReLU, conv, pool, linear."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, CLASSES),
    )
    with torch.no_grad():
        network[1].running_mean.normal_()
        network[1].running_var.uniform_(0.5, 2.0)
    return network


class Joined(nn.Module):
    """A residual add, a concat, a sigmoid gate and a flatten."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.left = nn.Conv2d(8, 8, 1)
        self.right = nn.Conv2d(8, 4, 3, padding=1, groups=4)
        self.head = nn.Linear(12 * 16, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.stem(images))
        gated = x + self.left(x) * torch.sigmoid(x)
        return self.head(torch.flatten(torch.cat([gated, self.right(x)], 1), 1))


class BatchAsConstant(nn.Module):
    """A forward that only works for one batch size."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)).reshape(2, 3)


class TwoOutputs(nn.Module):
    """A forward that returns more than logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.mean((2, 3)), images.sum((2, 3))


def random_images(count: int, *, seed: int = 1, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    """Standard normal images, channels last in memory as the data bundles give them."""
    images = torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))
    return images.to(memory_format=torch.channels_last)


def numbered(network: nn.Module) -> nn.Module:
    """The same with other values everywhere, since the exporter stores equal tensors, such as biases of 0, once."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
    return network.eval()
