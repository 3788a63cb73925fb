"""A tiny network's task for the methods that choose at once."""

from pathlib import Path

from compress.controls.task import Task
from tests.helpers.networks import built, prunable_of
from tests.helpers.splits import learnable_split


def task_of(name: str, *, share: float = 0.5, seed: int = 0, plan: Path | None = None) -> Task:
    """A network of ``tests/helpers/networks.py``; its fresh weights are those of another seed."""
    network = built(name)
    return Task(
        network, prunable_of(network, share=share), learnable_split(60), batch_size=16, seed=seed,
        fresh_network=lambda: built(name, seed=7), plan=plan,
    )  # fmt: skip
