"""The settings of a race, and its cells: every method at every budget with every seed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from compress.report.figures import budget
from compress.settings.config import KEEP_MACS, Method, RunConfig
from compress.settings.fields import SEEDS, Settings, parse_list, parse_seeds, setting
from compress.settings.methods import RACED

CELLS: Final = "cells"
"""The folder in which a race keeps the run folders of its cells."""

PLAN: Final = "04_remove/plan.json"
"""Where a run keeps its pruning plan: the shape that the method ``scratch`` trains."""

CELL_SETTINGS: Final = frozenset({"method", "plan", "keep_macs", "seed"})
"""Settings that differ between the cells of a race; all others are equal."""

PANEL: Final = "Race"
_setting = partial(setting, panel=PANEL)


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
        return f"{self.method}, {budget(self.keep_macs)}, seed {self.seed}"


class RaceSettings(Settings):
    """Which methods, budgets and seeds race, and ``base``: the settings of all cells but for these three."""

    base: RunConfig
    methods: Annotated[tuple[Method, ...], BeforeValidator(parse_list)] = _setting(
        RACED, "Methods, comma-separated (see `compress list methods`).", shown="all but *-uniform"
    )
    budgets: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], BeforeValidator(parse_list)] = _setting(
        (KEEP_MACS,),
        "Fractions of the multiply-accumulates to keep: 0.5,0.25,0.1.",
        flags=("--keep-macs",),
        expected="fractions between 0 and 1, such as 0.5,0.25",
    )
    seeds: Annotated[tuple[Annotated[int, Field(**SEEDS)], ...], BeforeValidator(parse_seeds)] = _setting(
        (0, 1, 2),
        "Number of seeds, from 0; or the seeds themselves: 3,7.",
        shown="3",
        expected="a number of seeds, or seeds from 0 to 2147483647 such as 3,7",
    )
    full_latency: bool = _setting(
        False, "Time at every batch size and thread count, as `run` does; otherwise batch 1, one thread."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        chosen = {"methods": self.methods, "seeds": self.seeds, "budgets": tuple(map(budget, self.budgets))}
        for name, values in chosen.items():
            if not values or len(set(values)) < len(values):
                got = ", ".join(map(str, getattr(self, name)))
                raise ValueError(
                    f"`{name}`: expected at least one, all different (budgets in their first six digits), got {got}"
                )
        if self.base.preset == "paper":
            raise ValueError("the paper's algorithm has no budget and cannot race at equal terms: drop preset 'paper'")
        if self.base.keep_params is not None:
            raise ValueError("a race is over MACs: drop keep_params")
        if self.base.has_target:
            raise ValueError("a race is over MACs: drop target_latency_ms and target_speedup")
        if self.methods == ("scratch",):
            raise ValueError("scratch trains the shape that another method found: add one to `methods`")
        return self

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
        own = asdict(cell) | {"plan": plan if cell.method == "scratch" else None}
        return self.base.model_copy(update=own | {"train_original": self.trains_original})
