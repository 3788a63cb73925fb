"""Tiny networks, one per way channels can be tied together, and what tests need beside them: images, units, states."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.channels.units import UnitMap, find_units
from compress.networks.own_code import OwnCode

CLASSES = 5
IMAGE = (2, 12, 12)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def image_batch(count: int = 3, *, seed: int = 0) -> Tensor:
    return torch.randn(count, *IMAGE, generator=generator(seed))


def layers(*modules: Callable[[int], nn.Module]) -> OwnCode:
    """A user's function: the number of classes -> these layers in their order."""
    return OwnCode("", lambda classes: nn.Sequential(*(make(classes) for make in modules)))


def network_of(forward: Callable[[nn.Module, Tensor], Tensor], **layers: nn.Module) -> nn.Module:
    """A network with these layers and parameters, which ``forward(network, images)`` calls."""

    class Network(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return forward(self, images)

    network = Network()
    for name, layer in layers.items():
        setattr(network, name, layer)
    return network


def pooled(width: int) -> tuple[nn.Module, ...]:
    """The end of most networks: means over the pixels, and a linear head."""
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES)


def _residual(n: nn.Module, images: Tensor) -> Tensor:
    features = n.norm(n.stem(images)).relu()
    features = (features + n.outer(n.inner(features).relu())).relu()
    return n.head(features.mean((2, 3)))


def _concat(n: nn.Module, images: Tensor) -> Tensor:
    squeezed = n.squeeze(images).relu()
    both = torch.cat([n.left(squeezed).relu(), n.right(squeezed).sigmoid()], 1)
    return n.head(both).relu().mean((2, 3))


def _squeeze_excite(n: nn.Module, images: Tensor) -> Tensor:
    features = n.norm(n.stem(images)).relu()
    scale = n.expand(n.reduce(features.mean((2, 3), keepdim=True)).relu()).sigmoid()
    return n.head((features * scale).mean((2, 3)))


def _shared_input(n: nn.Module, images: Tensor) -> Tensor:
    features = n.stem(images).sigmoid()
    mixed = (n.first(features) * n.second(features)).relu()
    return n.head(torch.cat([mixed.mean((2, 3)), features.amax((2, 3))], 1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: nn.Sequential(
        nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, stride=2), nn.ReLU(), *pooled(6)
    ),
    "residual": lambda: network_of(
        _residual,
        stem=nn.Conv2d(2, 8, 3, padding=1, bias=False), norm=nn.BatchNorm2d(8), inner=nn.Conv2d(8, 7, 3, padding=1),
        outer=nn.Conv2d(7, 8, 3, padding=1), head=nn.Linear(8, CLASSES),
    ),
    # two branches side by side and a convolutional head, as in SqueezeNet
    "concat": lambda: network_of(
        _concat,
        squeeze=nn.Conv2d(2, 6, 1), left=nn.Conv2d(6, 5, 1), right=nn.Conv2d(6, 7, 3, padding=1),
        head=nn.Conv2d(12, CLASSES, 1),
    ),
    "grouped": lambda: nn.Sequential(
        nn.Conv2d(2, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 9, 3, groups=3), nn.ReLU(),
        nn.Conv2d(9, 8, 1), *pooled(8),
    ),
    "depthwise": lambda: nn.Sequential(
        nn.Conv2d(2, 10, 1), nn.BatchNorm2d(10), nn.ReLU6(), nn.Conv2d(10, 10, 3, groups=10), nn.BatchNorm2d(10),
        nn.Hardswish(), nn.Conv2d(10, 6, 1, bias=False), nn.BatchNorm2d(6), *pooled(6),
    ),
    "flatten to linear": lambda: nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=3), nn.PReLU(6), nn.Flatten(), nn.Linear(6 * 4 * 4, 10), nn.Tanh(),
        nn.Dropout(0.5), nn.Linear(10, CLASSES),
    ),
    # channels weighted by a sigmoid of themselves: after it, a zeroed filter is not zero
    "squeeze and excite": lambda: network_of(
        _squeeze_excite,
        stem=nn.Conv2d(2, 8, 3), norm=nn.BatchNorm2d(8), reduce=nn.Conv2d(8, 4, 1), expand=nn.Conv2d(4, 8, 1),
        head=nn.Linear(8, CLASSES),
    ),
    # one stream read by three layers, one of them skipping ahead
    "shared input": lambda: network_of(
        _shared_input,
        stem=nn.Conv2d(2, 9, 3), first=nn.Conv2d(9, 4, 1), second=nn.Conv2d(9, 4, 3, padding=1),
        head=nn.Linear(4 + 9, CLASSES),
    ),
    "transposed": lambda: nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=2), nn.ReLU(), nn.ConvTranspose2d(6, 8, 2, stride=2), nn.ReLU(),
        nn.Conv2d(8, 4, 3), *pooled(4),
    ),
    "inputs by name": lambda: network_of(
        lambda n, x: n.head(input=n.up(input=n.first(input=x).relu()).relu().mean((2, 3))),
        first=nn.Conv2d(2, 6, 3, padding=1), up=nn.ConvTranspose2d(6, 8, 2, stride=2), head=nn.Linear(8, CLASSES),
    ),
}  # fmt: skip


def built(name: str, *, seed: int = 0) -> nn.Module:
    """The network in eval mode, with BatchNorm statistics that are not the trivial ones."""
    torch.manual_seed(seed)
    network = NETWORKS[name]()
    network.train()
    for _ in range(3):
        network(torch.randn(8, *IMAGE) * 2 + 1)
    return network.eval()


def with_units(name: str, *, seed: int = 0) -> tuple[nn.Module, UnitMap]:
    """A network of ``NETWORKS`` and its units."""
    network = built(name, seed=seed)
    return network, find_units(network, image_batch())


def prunable_of(network: nn.Module, *, share: float | None = 0.5, align: int = 1, **budget: float) -> Prunable:
    """The units of a network, with a budget of a share of its MACs."""
    units = find_units(network, image_batch())
    return Prunable.measure(network, units, image_batch(), align=align, budget=Budget(macs=share, **budget))


def random_state(units: UnitMap, *, seed: int = 0, share: float = 0.5) -> Tensor:
    """A state (bool U) that keeps about a share of the units, and at least one of each group."""
    keep = torch.rand(units.total, generator=torch.Generator().manual_seed(seed)) < share
    for group in units.groups:
        if not keep[group.units].any():
            keep[group.first + seed % group.size] = True
    return keep


def same_state(one: Mapping[str, Tensor] | nn.Module, other: Mapping[str, Tensor] | nn.Module) -> bool:
    """True if two networks, or their state dicts, hold the same numbers."""
    one, other = (part.state_dict() if isinstance(part, nn.Module) else part for part in (one, other))
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Fails if the network's numbers, modes, hooks or gradients differ when the context ends."""

    def rest() -> list:
        modules = [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
        return [modules, [parameter.grad is None for parameter in network.parameters()]]

    before, rest_before = copy.deepcopy(network.state_dict()), rest()
    yield
    assert same_state(network, before)
    assert rest() == rest_before
