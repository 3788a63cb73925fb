"""The cells of a race: every method at every budget with every seed; all other settings are equal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compress.errors import UsageError
from compress.settings.config import Method, RunConfig

CELLS: Final = "cells"
"""The folder in which a race keeps the run folders of its cells."""

PLAN: Final = "04_remove/plan.json"
"""Where a run keeps its pruning plan: the shape that the method ``scratch`` trains."""

CELL_SETTINGS: Final = frozenset({"method", "plan", "keep_macs", "seed"})
"""Settings that differ between the cells of a race; all others are equal."""


@dataclass(frozen=True)
class Cell:
    """One run of a race: its method, the share of the MACs to keep, its seed."""

    method: Method
    keep_macs: float
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder: ``edropout-50-seed0``."""
        return f"{self.method}-{100 * self.keep_macs:.6g}-seed{self.seed}"

    @property
    def title(self) -> str:
        """The cell in words."""
        return f"{self.method}, {100 * self.keep_macs:.6g} % of the MACs, seed {self.seed}"


@dataclass(frozen=True)
class RaceSettings:
    """The settings of a race.

    Attributes:
        base: settings that all cells share; its method, budget and seed are ignored.
        methods: the methods to compare.
        budgets: fractions of the MACs to keep.
        seeds: one run for each.
        full_latency: measure latency as ``compress run`` does; otherwise only with batch 1 and one thread, which is
            much faster.
    """

    base: RunConfig
    methods: tuple[Method, ...]
    budgets: tuple[float, ...]
    seeds: tuple[int, ...]
    full_latency: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for settings that make no race."""
        for name in ("methods", "budgets", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise UsageError(f"expected {name} that differ, at least one, got {', '.join(map(str, values))}")
        if any(not 0 < share < 1 for share in self.budgets):
            raise UsageError(f"expected fractions between 0 and 1 for --keep-macs, got {self.budgets}")
        if any(not 0 <= seed < 2**31 for seed in self.seeds):
            raise UsageError(f"expected seeds from 0 to 2147483647, got {self.seeds}")
        if self.base.preset == "paper":
            raise UsageError("the paper's algorithm has no budget and cannot race at equal terms: drop preset 'paper'")
        if self.base.keep_params is not None:
            raise UsageError("a race is over MACs: drop keep_params")
        if self.methods == ("scratch",):
            raise UsageError("scratch trains the shape that another method found: add one to --methods")
        folders = [cell.name for cell in self.cells()]
        twice = next((name for name in folders if folders.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"expected budgets that differ in their first six digits, got {', '.join(map(str, self.budgets))}: "
                f"two cells would share the folder {twice}"
            )

    @property
    def leader(self) -> Method:
        """The method that the others are compared with; ``scratch`` trains the shape it found."""
        others = [method for method in self.methods if method != "scratch"]
        return "edropout" if "edropout" in others else others[0]

    @property
    def trains_original(self) -> bool:
        """Whether the unpruned network is trained for as many epochs; with given weights this can be switched off."""
        return self.base.train_original is not False

    def cells(self) -> Iterator[Cell]:
        """All cells in running order: by seed, then by budget; ``scratch`` last, after the shape that it needs."""
        methods = sorted(self.methods, key=lambda method: method == "scratch")
        for seed in self.seeds:
            for share in self.budgets:
                yield from (Cell(method, share, seed) for method in methods)

    def config(self, cell: Cell, *, folder: Path) -> RunConfig:
        """The settings with which ``compress run`` makes this cell of the race in ``folder``."""
        plan = folder.resolve() / CELLS / Cell(self.leader, cell.keep_macs, cell.seed).name / PLAN
        return self.base.model_copy(
            update={
                "method": cell.method,
                "keep_macs": cell.keep_macs,
                "seed": cell.seed,
                "plan": plan if cell.method == "scratch" else None,
                "train_original": self.trains_original,
            }
        )
