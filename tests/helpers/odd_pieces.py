"""What tiny networks with one odd thing are made of: a stem, something odd, a last convolution and a head."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.helpers.networks import CLASSES, network_of


@dataclass(frozen=True)
class Odd:
    """A network whose layers are ``layers`` and whose forward is ``forward(layers, images)``.

    ``pruned``: roots of the groups; ``whole``: layer -> part of the reason.
    """

    layers: Callable[[], dict[str, nn.Module]]
    forward: Callable[[nn.Module, Tensor], Tensor]
    pruned: dict[str, int] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)

    def build(self, *, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        network = network_of(self.forward, **self.layers())
        with torch.no_grad():
            network(torch.randn(8, 2, 12, 12) * 2 + 1)  # BatchNorm statistics that are not the trivial ones
        return network.eval()


def pool(features: Tensor) -> Tensor:
    return features.flatten(2).mean(2)


def between(middle: Callable[[nn.Module, Tensor], Tensor]) -> Callable[[nn.Module, Tensor], Tensor]:
    """stem -> something -> last -> head."""
    return lambda n, x: n.head(pool(n.last(middle(n, n.stem(x).relu())).sigmoid()))


def applying(middle: Callable[[Tensor], Tensor]) -> Callable[[nn.Module, Tensor], Tensor]:
    """The same with a function that needs no layer."""
    return between(lambda _, x: middle(x))


def chain(*, stem: int = 8, reads: int | None = None, **more: Callable[[], nn.Module]) -> Callable[[], dict]:
    return lambda: {
        "stem": nn.Conv2d(2, stem, 3),
        **{name: make() for name, make in more.items()},
        "last": nn.Conv2d(reads or stem, 6, 1),
        "head": nn.Linear(6, CLASSES),
    }


class Attention(nn.Module):
    """As in every transformer that has one layer for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.heads, self.width // self.heads)
        x = F.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4))
        return self.out(x.transpose(1, 2).reshape(batch, tokens, self.width))


class Standardised(nn.Conv2d):
    """A convolution that computes with something else than its weight."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)


class SamePadded(nn.Conv2d):
    """A convolution that pads by itself."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias)


class NormAndRelu(nn.BatchNorm2d):
    """A normalisation with an activation in it, as timm's."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias).relu_()


def shuffled(features: Tensor) -> Tensor:
    batch, channels, high, wide = features.shape
    return features.view(batch, 2, channels // 2, high, wide).transpose(1, 2).reshape(batch, channels, high, wide)


def tokens(n: nn.Module, x: Tensor) -> Tensor:
    return n.stem(x).flatten(2).transpose(1, 2)


def assigned(n: nn.Module, x: Tensor) -> Tensor:
    out = x.new_zeros(len(x), 8, 10, 10)
    out[:, :4] = n.stem(x)[:, :4]
    out[:, 4:].add_(n.other(x))
    return n.head(pool(n.last(out)))


def shared() -> dict[str, nn.Module]:
    layers = chain(one=lambda: nn.Conv2d(8, 8, 1), two=lambda: nn.Conv2d(8, 8, 1))()
    layers["two"].weight = layers["one"].weight
    return layers


def windows(x: Tensor, batch: int | None = None) -> Tensor:
    """Features (B, C, 10, 10) as four windows of each, window by window (4 B, 25, C); or, with B given, back."""
    if batch is None:
        return x.view(len(x), -1, 2, 5, 2, 5).permute(2, 4, 0, 3, 5, 1).reshape(4 * len(x), 25, x.shape[1])
    return x.view(2, 2, batch, 5, 5, -1).permute(2, 5, 0, 3, 1, 4).reshape(batch, -1, 10, 10)


def hooked() -> dict[str, nn.Module]:
    layers = chain()()
    layers["stem"].register_forward_hook(lambda _layer, _inputs, output: output.flip(3) * 2)
    layers["last"].register_forward_pre_hook(lambda _layer, inputs: (inputs[0] + 1,))
    return layers
