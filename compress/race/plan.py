"""What ``compress race --dry-run`` shows; all of it is checked before the first cell runs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from compress.channels.budget import Budget
from compress.data.bundle import DataBundle
from compress.errors import UsageError
from compress.race.cells import CELLS, Cell, RaceSettings
from compress.race.folders import has_stages
from compress.report.figures import plural
from compress.run.dry_run import RunPlan, plan_of
from compress.run.eta import expected_work
from compress.run.pipeline import prepare
from compress.run.rehearsal import Rehearsal, rehearse
from compress.run.search import check_method
from compress.runs.decide import decide
from compress.runs.recorded_inputs import ORIGINAL
from compress.settings.config import DecidedConfig

_SHARED = ("network", "data", "units", "not pruned", "epochs", "checked", "model")
"""Lines of a run's plan that hold for every cell."""


@dataclass(frozen=True)
class RacePlan:
    """What ``--dry-run`` shows: the plan of one cell, and the run folders of all in running order.

    ``not_applicable`` has the methods and budgets without cells and why; ``seconds`` is the race's expected duration.
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
        return [
            *(line for line in self.run.lines() if line.startswith(_SHARED)),
            f"cells      {len(self.cells)}: {', '.join(self.cells)}",
            *(f"not {name}: {reason}" for name, reason in self.not_applicable.items()),
            f"time       about {plural(round(self.seconds / 60), 'minute')} on this machine",
        ]


def rehearse_race(race: RaceSettings, *, folder: Path) -> tuple[DecidedConfig, DataBundle, Rehearsal]:
    """Check what every cell needs, as ``compress run`` does; CompressError if it fails.

    The budget is one of latency, of which the plan says more, or else the largest of MACs.
    """
    budget = max(race.budgets, key=lambda one: (one.is_latency, one.value))
    settings, data = prepare(race.config(Cell("edropout", budget, race.seeds[0]), folder=folder))
    return settings, data, rehearse(settings, data)


def plan_race(race: RaceSettings, *, folder: Path) -> RacePlan:
    """Check everything that a race needs, and write nothing; CompressError if no cell can run."""
    settings, data, rehearsed = rehearse_race(race, folder=folder)
    run = plan_of(settings, data, rehearsed)
    not_applicable = dict(_not_applicable(race, settings, data, rehearsed))
    cells = [cell for cell in race.cells() if not {cell.method, cell.budget.words} & not_applicable.keys()]
    return RacePlan(
        run=run,
        cells=tuple(cell.name for cell in cells),
        not_applicable=not_applicable,
        seconds=run.seconds / sum(expected_work(run.config).values()) * sum(work_of_cells(race, cells, folder)),
    )


def work_of_cells(race: RaceSettings, cells: Iterable[Cell], folder: Path) -> Iterator[float]:
    """The work of each cell, in epochs of plain training; the first cell of a seed also trains the original."""
    trained = {cell.seed for cell in race.cells() if has_stages(folder / CELLS / cell.name, ORIGINAL)}
    for cell in cells:
        stages = expected_work(decide(race.config(cell, folder=folder)))
        yield sum(work for stage, work in stages.items() if stage not in ORIGINAL or cell.seed not in trained)
        trained.add(cell.seed)


def _not_applicable(
    race: RaceSettings, settings: DecidedConfig, data: DataBundle, rehearsed: Rehearsal
) -> Iterator[tuple[str, str]]:
    """Budgets that the network cannot reach and methods that it does not support, each with the reason.

    Whether it reaches a latency is known once its layers have been timed.
    """
    prunable = rehearsed.prunable
    for budget in race.budgets:
        if budget.is_latency:
            continue
        asked = replace(prunable, budget=Budget(macs=budget.value))
        try:
            (asked.with_finer_counts(settings.align) if settings.finer_align else asked).check_reachable()
        except UsageError as error:
            yield budget.words, str(error)
    for method in race.methods:
        if method != "scratch":  # its plan does not exist yet
            try:
                check_method(settings.model_copy(update={"method": method}), data, rehearsed.network, prunable)
            except UsageError as error:
                yield method, str(error)
