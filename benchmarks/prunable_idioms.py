"""Small networks in idioms that many people write: name -> builder. Images are RGB, 32 pixels."""

# ruff: noqa: D102  (forward does what its class says)
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 10

Norm = Callable[[int], nn.Module]


class Conv(nn.Sequential):
    """Convolution, norm, ReLU."""

    def __init__(self, reads: int, makes: int, kernel: int = 3, stride: int = 1, norm: Norm | None = None) -> None:
        made = norm(makes) if norm else nn.BatchNorm2d(makes)
        super().__init__(nn.Conv2d(reads, makes, kernel, stride, kernel // 2, bias=False), made, nn.ReLU())


class Classifier(nn.Module):
    """A stem, blocks, the mean over the pixels, a linear head."""

    def __init__(self, stem: nn.Module, blocks: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.stem, self.blocks, self.head = stem, nn.Sequential(*blocks), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class ScaledBlock(nn.Module):
    """ConvNeXt's block with BatchNorm and a factor for each channel (LayerScale)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.BatchNorm2d(width)
        self.wide, self.back = nn.Conv2d(width, 4 * width, 1), nn.Conv2d(4 * width, width, 1)
        self.scale = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.back(F.gelu(self.wide(self.norm(self.depthwise(x)))))


class BasicBlock(nn.Module):
    """ResNet's basic block; its shortcut is padded with zeros (option A) where the width changes."""

    def __init__(self, reads: int, makes: int, norm: Norm) -> None:
        super().__init__()
        self.more, self.stride = makes - reads, makes // reads
        self.first = Conv(reads, makes, 3, self.stride, norm)
        self.second = nn.Sequential(nn.Conv2d(makes, makes, 3, padding=1, bias=False), norm(makes))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(self.second(self.first(x)) + shortcut)


def _resnet(norm: Norm) -> nn.Module:
    widths = [16, 16, 16, 32, 32, 64, 64]
    blocks = [BasicBlock(reads, makes, norm) for reads, makes in pairwise(widths)]
    return Classifier(Conv(3, 16, norm=norm), blocks, 64)


class SplitBlock(nn.Module):
    """Res2Net's block: split by a width that is a number in the code."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.first, self.inner = Conv(channels, 4 * width, 1), Conv(width, 64)
        self.inner2, self.last = Conv(64, width), nn.Conv2d(4 * width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d = torch.split(self.first(x), self.width, 1)
        return x + self.last(torch.cat([self.inner2(self.inner(a)), b, c, d], 1))


class Inception(nn.Module):
    """One convolution for two branches; the split reads their widths from layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.both = Conv(channels, 48, 1)
        self.left, self.right = Conv(16, 32), Conv(32, 32)
        self.last = nn.Conv2d(64, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        widths = [branch.get_submodule("0").in_channels for branch in (self.left, self.right)]
        left, right = self.both(x).split(widths, 1)
        return x + self.last(torch.cat([self.left(left), self.right(right)], 1))


class StandardisedConv(nn.Conv2d):
    """A convolution with standardised weights, as in BiT and NFNet."""

    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        deviation = self.weight.std((1, 2, 3), keepdim=True)
        return F.conv2d(x, (self.weight - mean) / (deviation + 1e-5), self.bias, self.stride, self.padding)


def _standardised() -> nn.Module:
    widths = [32, 64, 64, 64]
    blocks = [
        nn.Sequential(StandardisedConv(reads, makes, 3, padding=1), nn.GroupNorm(8, makes), nn.ReLU())
        for reads, makes in pairwise(widths)
    ]
    return Classifier(Conv(3, 32, stride=2), blocks, 64)


class AttentionPool(nn.Module):
    """Features weighted by a softmax over the pixels, then a hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(Conv(3, 32, stride=2), Conv(32, width, stride=2))
        self.score, self.hidden, self.head = nn.Conv2d(width, 1, 1), nn.Linear(width, 64), nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        weights = self.score(x).flatten(2).softmax(2)
        return self.head(self.hidden(torch.bmm(x.flatten(2), weights.transpose(1, 2)).squeeze(2)).relu())


class Linear(nn.Linear):
    """A subclass with its own forward, as timm's."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


def _spectral() -> nn.Module:
    network = Classifier(Conv(3, 32, stride=2), [Conv(32, 64), Conv(64, 64), Conv(64, 64)], 64)
    torch.nn.utils.parametrizations.spectral_norm(network.get_submodule("blocks.1.0"))
    return network


def _group_norm(width: int) -> nn.Module:
    return nn.GroupNorm(8, width)


IDIOMS: dict[str, Callable[[], nn.Module]] = {
    "layerscale_convnet": lambda: Classifier(Conv(3, 32, 4, 4), [ScaledBlock(32) for _ in range(4)], 32),
    "option_a_resnet": lambda: _resnet(nn.BatchNorm2d),
    "groupnorm_resnet": lambda: _resnet(_group_norm),
    "res2net_4": lambda: Classifier(Conv(3, 64, stride=2), [SplitBlock(64, 16) for _ in range(4)], 64),
    "res2net_24": lambda: Classifier(Conv(3, 64, stride=2), [SplitBlock(64, 16) for _ in range(24)], 64),
    "split_by_layers": lambda: Classifier(Conv(3, 64, stride=2), [Inception(64) for _ in range(4)], 64),
    "standardised_weights": _standardised,
    "spectral_norm": _spectral,
    "attention_pooling": lambda: AttentionPool(64),
    "own_linear": lambda: nn.Sequential(
        Conv(3, 32, stride=2), Conv(32, 64, stride=2), nn.Flatten(), Linear(64 * 64, 256), nn.ReLU(),
        Linear(256, CLASSES),
    ),
}  # fmt: skip
