"""A tiny network's task for the methods that choose at once."""

from pathlib import Path

from torch import nn

from compress.channels.budget import Budget, Prunable, allowed_counts
from compress.channels.costs import build_cost_model
from compress.channels.units import find_units
from compress.controls.task import Task
from tests.helpers.networks import built, image_batch
from tests.helpers.splits import learnable_split


def prunable_of(network: nn.Module, *, share: float = 0.5, align: int = 1) -> Prunable:
    units = find_units(network, image_batch())
    model = build_cost_model(network, units, image_batch())
    return Prunable(units, model, allowed_counts(units, align), Budget(macs=share))


def task_of(name: str, *, share: float = 0.5, seed: int = 0, plan: Path | None = None) -> Task:
    """A network of ``tests/helpers/networks.py``; its fresh weights are those of another seed."""
    network = built(name)
    return Task(
        network=network,
        prunable=prunable_of(network, share=share),
        train=learnable_split(60),
        batch_size=16,
        seed=seed,
        fresh_network=lambda: built(name, seed=7),
        plan=plan,
    )
