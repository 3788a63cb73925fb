"""What is raced: every method at every budget with every seed, at otherwise the same settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compress.errors import UsageError
from compress.settings.config import Method, RunConfig

CELLS: Final = "cells"
"""The folder of the run folders."""

SHAPE: Final = "04_remove/plan.json"
"""Where a run keeps the shape that the method ``scratch`` trains."""

OF_THE_CELL: Final = frozenset({"method", "plan", "keep_macs", "seed"})
"""Settings that are a cell's own; all others are the race's."""


@dataclass(frozen=True)
class Cell:
    """One run of a race: what chooses, the share of the MACs that is kept, the seed."""

    method: Method
    keep_macs: float
    seed: int

    @property
    def name(self) -> str:
        """Of its folder: ``edropout-50-seed0``."""
        return f"{self.method}-{100 * self.keep_macs:.6g}-seed{self.seed}"

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.method}, {100 * self.keep_macs:.6g} % of the MACs, seed {self.seed}"


@dataclass(frozen=True)
class RaceSettings:
    """A race, whole.

    Attributes:
        base: the settings that all cells share; its own method, budget and seed do not count.
        methods: what is raced.
        budgets: fractions of the MACs to keep.
        seeds: one run each.
        full_latency: time as a run does; otherwise batch 1 and one thread alone, which saves most of a verdict.
    """

    base: RunConfig
    methods: tuple[Method, ...]
    budgets: tuple[float, ...]
    seeds: tuple[int, ...]
    full_latency: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no race."""
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
        """The method that the others are held against, and whose shape ``scratch`` trains."""
        others = [method for method in self.methods if method != "scratch"]
        return "edropout" if "edropout" in others else others[0]

    @property
    def trains_original(self) -> bool:
        """Whether the unpruned network is trained for as long; one that was given may be left as it is."""
        return self.base.train_original is not False

    def cells(self) -> Iterator[Cell]:
        """In the order in which they run: seed by seed, and ``scratch`` after the run whose shape it takes."""
        methods = sorted(self.methods, key=lambda method: method == "scratch")
        for seed in self.seeds:
            for share in self.budgets:
                yield from (Cell(method, share, seed) for method in methods)

    def config(self, cell: Cell, *, folder: Path) -> RunConfig:
        """The settings with which ``compress run`` makes this cell.

        Args:
            cell: of this race.
            folder: of the race.
        """
        plan = folder.resolve() / CELLS / Cell(self.leader, cell.keep_macs, cell.seed).name / SHAPE
        return self.base.model_copy(
            update={
                "method": cell.method,
                "keep_macs": cell.keep_macs,
                "seed": cell.seed,
                "plan": plan if cell.method == "scratch" else None,
                "train_original": self.trains_original,
            }
        )
