"""A tiny search for the tests of the Python API: a network, its pruner, mini-batches."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compress.api import Pruner
from tests.helpers.networks import built, image_batch
from tests.helpers.splits import learnable_split


class Searched(NamedTuple):
    network: nn.Module
    pruner: Pruner
    optimizer: Optimizer


def sgd(parameters: Iterator[nn.Parameter]) -> Optimizer:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3)


def adamw(parameters: Iterator[nn.Parameter]) -> Optimizer:
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1)


def search_of(
    wrap: Callable[[nn.Module], nn.Module] = lambda network: network, *, optimizer=sgd, steps: int = 8, **settings
) -> Searched:
    network = built("residual").train()
    pruner = Pruner(wrap(network), image_batch(8), steps=steps, **{"align": 1} | settings)
    return Searched(network, pruner, optimizer(network.parameters()))


def batches(count: int = 8) -> Iterator[tuple[Tensor, Tensor]]:
    """Mini-batches of 20 images, the same ones in every call."""
    every = list(learnable_split().batches(20))
    return (every[number % len(every)] for number in range(count))


def searched(*args, **settings) -> Searched:
    """The same after its last step."""
    found = search_of(*args, **settings)
    for images, labels in batches():
        found.pruner.step(images, labels, found.optimizer)
    return found
