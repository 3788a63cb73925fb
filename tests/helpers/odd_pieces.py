"""What tiny networks with one odd thing are made of: a stem, something odd, a last convolution and a head."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.helpers.networks import CLASSES, network_of

HALF, QUARTER = {"stem": 4, "last": 6}, {"stem": 2, "last": 6}

Forward = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Odd:
    """A network; ``whole``: layer -> part of the reason why it is not pruned; ``pruned``: roots of its groups."""

    layers: Callable[[], dict[str, nn.Module]]
    forward: Forward
    whole: dict[str, str]
    pruned: dict[str, int]

    def build(self, *, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        network = network_of(self.forward, **self.layers())
        with torch.no_grad():
            network(torch.randn(8, 2, 12, 12) * 2 + 1)  # BatchNorm statistics that are not the trivial ones
        return network.eval()


def odd(
    middle: Forward = lambda _, x: x,
    whole: dict[str, str] | None = None,
    pruned: dict[str, int] | None = None,
    *,
    forward: Forward | None = None,
    reads: int = 8,
    **more: Callable[[], nn.Module],
) -> Odd:
    """stem -> something -> last -> head, or another forward; pruned are stem and last, if they are not in ``whole``."""

    def layers() -> dict[str, nn.Module]:
        made = {name: make() for name, make in more.items()}
        last = made.get("last") or nn.Conv2d(reads, 6, 1)
        return {"stem": nn.Conv2d(2, 8, 3), **made, "last": last, "head": nn.Linear(6, CLASSES)}

    whole = whole or {}
    usual = {root: size for root, size in (("stem", 8), ("last", 6)) if root not in whole}

    def between(n: nn.Module, x: Tensor) -> Tensor:
        return n.head(pool(n.last(middle(n, n.stem(x).relu())).sigmoid()))

    return Odd(layers, forward or between, whole, usual if pruned is None else pruned)


def on_tokens(
    middle: Forward, whole: dict[str, str], pruned: dict[str, int], part: Callable[[], nn.Module], *, reads: int = 8
) -> Odd:
    """stem -> ``part`` on tokens (B, T, C) -> wide -> head."""
    return Odd(
        lambda: {
            "stem": nn.Conv2d(2, 8, 3, stride=3), "part": part(), "wide": nn.Linear(reads, 12),
            "head": nn.Linear(12, CLASSES),
        },
        lambda n, x: n.head(n.wide(middle(n.part, n.stem(x).flatten(2).transpose(1, 2))).relu().mean(1)),
        whole,
        pruned,
    )  # fmt: skip


def pool(features: Tensor) -> Tensor:
    return features.flatten(2).mean(2)


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


def subclass(kind: type[nn.Module], forward: Forward) -> type[nn.Module]:
    return type("Own", (kind,), {"forward": forward})


Standardised = subclass(nn.Conv2d, lambda n, x: F.conv2d(x, n.weight - n.weight.mean((1, 2, 3), keepdim=True), n.bias))
AcrossFilters = subclass(nn.Conv2d, lambda n, x: F.conv2d(x, n.weight.softmax(0), n.bias))
Recycled = subclass(
    nn.Conv2d, lambda n, x: F.conv2d(x, n.weight * 2, n.bias) * n.weight.sum(1, keepdim=True).flatten()[:, None, None]
)


class Gained(nn.Conv2d):
    """As timm's ScaledStdConv2d: standardised by a batch norm of the weights, with a gain for every filter."""

    def __init__(self, reads: int, makes: int, kernel: int, *, groups: int = 1) -> None:
        super().__init__(reads, makes, kernel, groups=groups)
        self.gain = nn.Parameter(torch.rand(makes, 1, 1, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        scaled = F.batch_norm(rows, None, None, (self.gain * 0.7).view(-1), training=True, momentum=0.0)
        return F.conv2d(x, scaled.reshape_as(self.weight), self.bias, groups=self.groups)


SamePadded = subclass(nn.Conv2d, lambda n, x: F.conv2d(F.pad(x, (1, 1, 1, 1)), n.weight, n.bias))
GroupNormAndRelu = subclass(nn.GroupNorm, lambda n, x: F.group_norm(x, n.num_groups, n.weight, n.bias, n.eps).relu())
OwnLinear = subclass(nn.Linear, lambda n, x: F.linear(input=x, weight=n.weight, bias=n.bias).relu())
Halved = subclass(nn.Linear, lambda n, x: F.linear(x, 0.5 * n.weight, bias=n.bias))
NormAndRelu = subclass(  # as timm's
    nn.BatchNorm2d, lambda n, x: F.batch_norm(x, n.running_mean, n.running_var, n.weight, n.bias).relu_()
)


EIGHT = torch.rand(8) + 0.5


def with_weights(norm: nn.Module) -> nn.Module:
    """A norm whose factors and biases differ."""
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    return norm


def holding(**parts: nn.Module | Tensor) -> nn.Module:
    """A module without a forward that holds these."""
    holder = nn.Module()
    for name, part in parts.items():
        setattr(holder, name, part)
    return holder


def shuffled(features: Tensor) -> Tensor:
    batch, channels, high, wide = features.shape
    return features.view(batch, 2, channels // 2, high, wide).transpose(1, 2).reshape(batch, channels, high, wide)


def split_by_layers(n: nn.Module, x: Tensor) -> Tensor:
    left, right = x.split([n.left.in_channels, n.right.in_channels], 1)
    return torch.cat([n.left(left), n.right(right)], 1)


def padded_on_both_sides(n: nn.Module, x: Tensor) -> Tensor:
    more = n.more(x)
    missing = (more.shape[1] - x.shape[1]) // 2
    return more + F.pad(x, (0, 0, 0, 0, missing, missing))


def padded_by_an_odd_number(n: nn.Module, x: Tensor) -> Tensor:
    more = n.more(x)
    missing = more.shape[1] - x.shape[1]
    return more + F.pad(x, (0, 0, 0, 0, missing // 2, missing - missing // 2))


def assigned(n: nn.Module, x: Tensor) -> Tensor:
    out = x.new_zeros(len(x), 8, 10, 10)
    out[:, :4] = n.stem(x)[:, :4]
    out[:, 4:].add_(n.other(x))
    return n.head(pool(n.last(out)))


def shared() -> nn.Sequential:
    pair = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))
    pair[2].weight = pair[0].weight
    return pair


def windows(x: Tensor, batch: int | None = None) -> Tensor:
    """Features (B, C, 10, 10) as four windows of each, window by window (4 B, 25, C); or, with B given, back."""
    if batch is None:
        return x.view(len(x), -1, 2, 5, 2, 5).permute(2, 4, 0, 3, 5, 1).reshape(4 * len(x), 25, x.shape[1])
    return x.view(2, 2, batch, 5, 5, -1).permute(2, 5, 0, 3, 1, 4).reshape(batch, -1, 10, 10)


def hooked() -> nn.Module:
    layer = nn.Conv2d(8, 6, 1)
    layer.register_forward_hook(lambda _layer, _inputs, output: output.flip(3) * 2)
    layer.register_forward_pre_hook(lambda _layer, inputs: (inputs[0] + 1,))
    return layer
