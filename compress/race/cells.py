"""The settings of a race, and its cells: every method at every budget with every seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from compress.report.race.budget import BUDGET_SETTINGS, CellBudget
from compress.settings.config import KEEP_MACS, Method, RunConfig
from compress.settings.fields import SEEDS, Settings, parse_list, parse_seeds, setting
from compress.settings.methods import RACED
from compress.settings.target import TARGET

CELLS: Final = "cells"
"""The folder in which a race keeps the run folders of its cells."""

PLAN: Final = "04_remove/plan.json"
"""Where a run keeps its pruning plan: the shape that the method ``scratch`` trains."""

CELL_SETTINGS: Final = frozenset({"method", "plan", "seed", *BUDGET_SETTINGS})
"""Settings that differ between the cells of a race; all others are equal."""

PANEL: Final = "Race"
_setting = partial(setting, panel=PANEL)


@dataclass(frozen=True)
class Cell:
    """One run of a race."""

    method: Method
    budget: CellBudget
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder: ``edropout-50-seed0``, ``edropout-2x-seed0``."""
        return f"{self.method}-{self.budget.name}-seed{self.seed}"

    @property
    def title(self) -> str:
        """The cell in words."""
        return f"{self.method}, {self.budget.words}, seed {self.seed}"


class RaceSettings(Settings):
    """Which methods, budgets and seeds race, and ``base``: the settings of all cells but for these three."""

    base: RunConfig
    methods: Annotated[tuple[Method, ...], BeforeValidator(parse_list)] = _setting(
        RACED, "Methods, comma-separated (see `compress list methods`).", shown="all but *-uniform"
    )
    keep_macs: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], BeforeValidator(parse_list)] = _setting(
        (),
        "Budgets: fractions of the multiply-accumulates to keep, 0.5,0.25,0.1.",
        shown=f"{KEEP_MACS} if no budget is given",
        expected="fractions between 0 and 1, such as 0.5,0.25",
    )
    target_speedup: Annotated[tuple[Annotated[float, Field(gt=1, le=1e3)], ...], BeforeValidator(parse_list)] = (
        _setting(
            (),
            "Budgets: how many times as fast as the original, 1.5,2; by themselves or beside --keep-macs.",
            expected="numbers above 1, such as 1.5,2",
        )
    )
    target_latency_ms: Annotated[tuple[Annotated[float, Field(gt=0, le=1e7)], ...], BeforeValidator(parse_list)] = (
        _setting(
            (),
            "Budgets: milliseconds that a call may take, 3,1.5; by themselves or beside --keep-macs.",
            expected="milliseconds, such as 3,1.5",
        )
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
        chosen: dict[str, tuple[object, ...]] = {"methods": self.methods, "seeds": self.seeds}
        for budget in self.budgets:
            chosen[budget.setting] = (*chosen.get(budget.setting, ()), budget.name)
        for name, values in chosen.items():
            if not values or len(set(values)) < len(values):
                got = ", ".join(map(str, getattr(self, name)))
                raise ValueError(
                    f"`{name}`: expected at least one, all different (budgets in their first six digits), got {got}"
                )
        if self.base.preset == "paper":
            raise ValueError("the paper's algorithm has no budget and cannot race at equal terms: drop preset 'paper'")
        if self.base.keep_params is not None:
            raise ValueError("a race is over MACs or latency: drop keep_params")
        if others := [name for name in TARGET if name not in BUDGET_SETTINGS and getattr(self.base, name) is not None]:
            raise ValueError(
                f"the latency of a race is this machine's, in float32, of batch 1 on 1 thread: drop {', '.join(others)}"
            )
        if self.methods == ("scratch",):
            raise ValueError("scratch trains the shape that another method found: add one to `methods`")
        return self

    @property
    def budgets(self) -> tuple[CellBudget, ...]:
        """In the order of the tables: of MACs, then of latency; if none is given that of ``base``."""
        given = tuple(CellBudget(name, value) for name in BUDGET_SETTINGS for value in getattr(self, name))
        of_base = ((name, getattr(self.base, name)) for name in BUDGET_SETTINGS)
        usual = tuple(CellBudget(name, value) for name, value in of_base if value is not None)
        return given or usual or (CellBudget("keep_macs", KEEP_MACS),)

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
            for budget in self.budgets:
                yield from (Cell(method, budget, seed) for method in methods)

    def config(self, cell: Cell, *, folder: Path) -> RunConfig:
        """The settings with which ``compress run`` makes this cell of the race in ``folder``."""
        plan = folder.resolve() / CELLS / replace(cell, method=self.leader).name / PLAN
        own = {
            "method": cell.method,
            "plan": plan if cell.method == "scratch" else None,
            "seed": cell.seed,
            "train_original": self.trains_original,
        }
        return self.base.model_copy(update=own | cell.budget.as_settings())
