"""What a race will take: checked and counted before the first cell."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compress.channels.budget import Budget, check_reachable
from compress.data.bundle import DataBundle
from compress.errors import UsageError
from compress.race.cells import CELLS, Cell, RaceSettings
from compress.race.folders import has_stages
from compress.run.dry_run import RunPlan, plan_of
from compress.run.eta import expected_work
from compress.run.pipeline import Rehearsal, prepare, rehearsal
from compress.run.prune_stages import check_method
from compress.run.take_original import ORIGINAL
from compress.runs.decide import decide
from compress.settings.config import DecidedConfig, RunConfig


def rehearse_race(race: RaceSettings, *, folder: Path) -> None:
    """Do what every cell has to be able to, so that a fault of the whole race is none of its cells'.

    Raises:
        CompressError: what makes the race impossible.
    """
    settings, data = prepare(_any_cell(race, folder))
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
    settings, data = prepare(_any_cell(race, folder))
    rehearsed = rehearsal(settings, data, weights=True)
    run = plan_of(settings, data, rehearsed)
    unfit = _budgets_out_of_reach(race, settings, rehearsed) | _methods_not_applicable(race, settings, data, rehearsed)
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


def _budgets_out_of_reach(race: RaceSettings, settings: DecidedConfig, rehearsed: Rehearsal) -> dict[str, str]:
    """Budget -> why the network cannot be pruned that far."""
    found: dict[str, str] = {}
    prunable = rehearsed.prunable
    for share in race.budgets:
        limits = Budget(macs=share, parameters=settings.keep_params).limits(prunable.model)
        try:
            check_reachable(prunable.model, prunable.counts, limits)
        except UsageError as error:
            found[_share(share)] = str(error)
    return found


def _methods_not_applicable(
    race: RaceSettings, settings: DecidedConfig, data: DataBundle, rehearsed: Rehearsal
) -> dict[str, str]:
    """Method -> why it cannot be used on the network; from scratch is trained what another one found."""
    found: dict[str, str] = {}
    for method in race.methods:
        if method == "scratch":
            continue
        changed = settings.model_copy(update={"method": method})
        try:
            check_method(changed, data, rehearsed.network, rehearsed.prunable)
        except UsageError as error:
            found[method] = str(error)
    return found


def _any_cell(race: RaceSettings, folder: Path) -> RunConfig:
    """The mildest cell: what it cannot do, none can."""
    return race.config(Cell("edropout", max(race.budgets), race.seeds[0]), folder=folder)


def _share(keep_macs: float) -> str:
    return f"{100 * keep_macs:.6g} % of the MACs"
