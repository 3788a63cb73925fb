"""Input and result of a one-shot method.

Axes: U units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from compress.channels.budget import Prunable
from compress.data.bundle import Split


@dataclass(frozen=True)
class Task:
    """A trained network, which a method does not change, and what a method may use: never validation or test images.

    ``plan``: the plan of another run, for the method that trains its shape.
    """

    network: nn.Module
    prunable: Prunable
    train: Split
    batch_size: int
    seed: int
    fresh_network: Callable[[], nn.Module]
    plan: Path | None = None


@dataclass(frozen=True)
class Choice:
    """The state (bool U), the whole network it is cut from, and the priority of every unit (float U), if it has one."""

    keep_U: Tensor
    network: nn.Module
    keys_U: Tensor | None = None
