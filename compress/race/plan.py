"""What a race will take: checked and counted before the first cell."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from compress.config import RunConfig
from compress.dry_run import RunPlan, plan_run
from compress.errors import UsageError
from compress.eta import expected_work
from compress.pipeline import rehearsal
from compress.race.cells import CELLS, Cell, RaceSettings
from compress.race.folders import has_stages
from compress.settings import decide, load_decided
from compress.stages.taken import ORIGINAL


def rehearse_race(race: RaceSettings, *, folder: Path) -> None:
    """Do what every cell has to be able to, so that a fault of the whole race is none of its cells'.

    Raises:
        CompressError: what makes the race impossible.
    """
    settings, data = load_decided(decide(_any_cell(race, folder)))
    torch.set_num_threads(settings.threads)
    rehearsal(settings, data, weights=True)


@dataclass(frozen=True)
class RacePlan:
    """What ``--dry-run`` shows.

    Attributes:
        run: one cell of it.
        cells: names of the run folders, in their order.
        not_applicable: method or budget -> why it has no cells.
        seconds: the race may take.
    """

    run: RunPlan
    cells: tuple[str, ...]
    not_applicable: dict[str, str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {**asdict(self), "run": self.run.as_dict()}

    def lines(self) -> list[str]:
        """The plan in words."""
        shared = ("network", "data", "units", "left whole", "epochs", "checked")
        return [
            *(line for line in self.run.lines() if line.startswith(shared)),
            f"cells      {len(self.cells)}: {', '.join(self.cells)}",
            *(f"not {what}: {reason}" for what, reason in self.not_applicable.items()),
            f"time       about {self.seconds / 60:.0f} minutes on this machine",
        ]


def plan_race(race: RaceSettings, *, folder: Path) -> RacePlan:
    """Check everything that a race needs, and write nothing.

    Raises:
        CompressError: what makes the whole race impossible.
    """
    run = plan_run(_any_cell(race, folder))
    unfit = _not_applicable(race, folder)
    cells = [cell for cell in race.cells() if not {cell.method, _share(cell.keep_macs)} & unfit.keys()]
    return RacePlan(
        run=run,
        cells=tuple(cell.name for cell in cells),
        not_applicable=unfit,
        seconds=run.seconds / sum(expected_work(run.config).values()) * sum(cell_works(race, cells, folder)),
    )


def cell_works(race: RaceSettings, cells: Iterable[Cell], folder: Path) -> Iterator[float]:
    """What each cell costs, in epochs of plain training; the first of a seed trains the original too."""
    trained = {cell.seed for cell in race.cells() if has_stages(folder / CELLS / cell.name, ORIGINAL)}
    for cell in cells:
        stages = expected_work(decide(race.config(cell, folder=folder)))
        yield sum(work for stage, work in stages.items() if stage not in ORIGINAL or cell.seed not in trained)
        trained.add(cell.seed)


def _not_applicable(race: RaceSettings, folder: Path) -> dict[str, str]:
    """Method or budget -> why the network cannot do with it."""
    first = _any_cell(race, folder)
    settings, data = load_decided(decide(first))
    found = {}
    budgets = [Cell("edropout", share, race.seeds[0]) for share in race.budgets]
    methods = [Cell(method, max(race.budgets), race.seeds[0]) for method in race.methods if method != "scratch"]
    for what, cell in [
        *((_share(cell.keep_macs), cell) for cell in budgets),
        *((cell.method, cell) for cell in methods),
    ]:
        changes = {"method": cell.method, "keep_macs": cell.keep_macs}
        try:
            rehearsal(settings.model_copy(update=changes), data, weights=True)
        except UsageError as error:
            found[what] = str(error)
    return found


def _any_cell(race: RaceSettings, folder: Path) -> RunConfig:
    """The mildest cell: what it cannot do, none can."""
    return race.config(Cell("edropout", max(race.budgets), race.seeds[0]), folder=folder)


def _share(keep_macs: float) -> str:
    return f"{100 * keep_macs:.6g} % of the MACs"
