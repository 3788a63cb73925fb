"""The race: its cells one after the other; finished cells are read, interrupted ones are resumed."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from compress.atomic import machine_faults
from compress.data.bundle import DataBundle
from compress.environment import describe_environment
from compress.errors import BadInputError, CheckFailedError, DivergedError, InterruptedRun, UsageError
from compress.observer import Observer
from compress.race.cells import CELL_SETTINGS, CELLS, Cell, RaceSettings
from compress.race.folders import (
    State,
    check_folder,
    has_stages,
    original_for,
    read_plan,
    read_result,
    report_digest,
    state_of,
    target_for,
)
from compress.race.plan import rehearse_race, work_of_cells
from compress.report.documents import write_documents
from compress.report.figures import duration
from compress.report.model import DataFacts
from compress.report.race.document import read_race, render_race_documents
from compress.report.race.model import Outcome, RaceCell, RaceReport
from compress.run.eta import expected_work
from compress.run.pipeline import Shared, run_pipeline
from compress.runs import STAGES, RunFolder
from compress.runs.decide import decide, load_decided
from compress.runs.recorded_inputs import ORIGINAL
from compress.settings.config import RunConfig
from compress.settings.verify import VerifySettings
from compress.version import __version__
from exporters.read.session import SESSION_FACTS

_OUTCOMES: Final[dict[type[Exception], Outcome]] = {
    DivergedError: "diverged",
    UsageError: "not applicable",
    CheckFailedError: "failed",
    BadInputError: "failed",
}
"""Errors of one cell: they become a row of the table, and the race continues."""

_STOPPED: Final = "stopped; everything so far is saved. Go on with the same command"


@dataclass(frozen=True)
class Watch:
    """How a race shows its progress and is stopped.

    ``cell`` gives the observer of a cell, from its title and the work of its stages; ``note`` receives the outcome of
    a cell that did not finish; ``should_stop`` returns a signal's number once the race should save and stop.
    """

    cell: Callable[[str, Mapping[str, float]], AbstractContextManager[Observer]] = lambda *_: nullcontext(Observer())
    note: Callable[[str], None] = lambda _text: None
    should_stop: Callable[[], int | None] = lambda: None


def run_race(race: RaceSettings, *, folder: Path, watch: Watch | None = None) -> RaceReport:
    """Run every cell that is not finished yet; the report is written anew after each.

    ``folder`` is new, or that of a race with the same base. InterruptedRun if a stop was requested: the same call
    continues the race. CompressError for what makes the whole race impossible.
    """
    check_folder(race, folder)
    running = _Race(race, folder, watch or Watch())
    if any(row.outcome == "waiting" for row in running.rows.values()):
        rehearse_race(race, folder=folder)
    with machine_faults(folder):
        (folder / CELLS).mkdir(parents=True, exist_ok=True)
    for cell in running.cells:
        if running.rows[cell].outcome == "waiting":
            running.run(cell)
    return running.report()


class _Race:
    """A race in progress: its cells in running order, what is known of each, and of the data once one has finished."""

    def __init__(self, race: RaceSettings, folder: Path, watch: Watch) -> None:
        self.race, self.folder, self.watch = race, folder, watch
        self.cells = tuple(race.cells())
        self._data: tuple[int, DataBundle] | None = None  # of one seed
        self._worked = self._seconds = 0.0
        earlier = read_race(folder)
        known = {row.folder: row for row in earlier.cells} if earlier else {}
        self.facts: DataFacts | None = earlier.data if earlier else None
        self.rows: dict[Cell, RaceCell] = {}
        for cell in self.cells:
            row = known.get(name := f"{CELLS}/{cell.name}")
            if row is None or not self._is_current(cell, row):
                row = RaceCell(method=cell.method, seed=cell.seed, folder=name, **cell.budget.as_settings())
            self.rows[cell] = row

    def run(self, cell: Cell) -> None:
        """Run a cell, or read its result if it is finished, and write the report."""
        if (signal_number := self.watch.should_stop()) is not None:
            raise InterruptedRun(_STOPPED, signal_number=signal_number)
        try:
            state = self._state(cell)
            if state != "finished":
                self._compute(cell, resume=state == "resume")
            self._record(cell, "finished")
        except tuple(_OUTCOMES) as error:
            outcome = next(outcome for kind, outcome in _OUTCOMES.items() if isinstance(error, kind))
            reason = str(error)
            if isinstance(error, BadInputError) and (path := self._path(cell)).exists():
                advice = f"delete the folder {path} and run the same command: only this cell is made anew"
                reason += f"; if you cannot repair it, {advice}"
            self.watch.note(f"{cell.title}: {outcome}: {reason}")
            self._record(cell, outcome, reason)

    def report(self) -> RaceReport:
        """The race so far."""
        first = decide(self._config(self.cells[0]))
        return RaceReport(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            compress_version=__version__,
            name=self.folder.resolve().name,
            leader=self.race.leader,
            config=first.model_dump(mode="json", exclude={*CELL_SETTINGS}),
            environment=describe_environment(threads=first.threads, seed=first.seed),
            session=SESSION_FACTS,
            data=self.facts,
            cells=tuple(self.rows.values()),
        )

    def _is_current(self, cell: Cell, row: RaceCell) -> bool:
        """Whether an earlier row still describes the cell's folder; methods that did not apply are tried again."""
        try:
            state = self._state(cell)
            if row.outcome == "diverged":
                return state == "resume"  # it would diverge again
            digest = report_digest(RunFolder.open(self._path(cell))) if state == "finished" else None
        except BadInputError:
            return False  # reported when the cell's turn comes
        return row.result is not None and row.result.report_sha256 == digest

    def _compute(self, cell: Cell, *, resume: bool) -> None:
        config = self._config(cell)
        if config.plan is not None:
            self._check_plan(cell, config.plan, resume=resume)
        shared = Shared(
            original_of=original_for(cell, self.cells, self.folder, remake=not resume),
            target=target_for(cell, self.cells, self.folder),
        )
        self._check_original(cell)
        work = expected_work(decide(config)) | (dict.fromkeys(ORIGINAL, 0.0) if shared.original_of else {})
        verify = None if self.race.full_latency else VerifySettings(batch_sizes=(1,), threads=(1,), seed=cell.seed)
        place = self.cells.index(cell)
        title = f"cell {place + 1}/{len(self.cells)}: {cell.title}{self._time_left(self.cells[place:])}"
        began = time.monotonic()
        with self.watch.cell(title, work) as observer:
            try:
                run_pipeline(
                    config,
                    out=self._path(cell),
                    mode="resume" if resume else "overwrite",  # an interrupted creation may have left files
                    observer=observer,
                    should_stop=self.watch.should_stop,
                    verify=verify,
                    shared=shared,
                )
            except InterruptedRun as stop:
                raise InterruptedRun(_STOPPED, signal_number=stop.exit_code - 128) from None
        self._worked += sum(work.values())
        self._seconds += time.monotonic() - began

    def _check_plan(self, cell: Cell, plan: Path, *, resume: bool) -> None:
        """Raise UsageError if there is no plan to train; add a note if the cell trained another one."""
        leader = self.race.leader
        if read_plan(plan) is None:
            why = f"{leader} has found none at this budget and seed"
            if plan.exists():
                why = f"{plan} is damaged: delete the folder {plan.parents[1]} and run the same command"
            raise UsageError(f"there is no shape to train: {why}")
        if not resume and has_stages(self._path(cell), STAGES[2:3]):
            self.watch.note(f"{cell.title}: its shape is not the one that {leader} found: made anew")

    def _check_original(self, cell: Cell) -> None:
        """Raise DivergedError if the original of this seed diverged: it would diverge in every cell."""
        stages = ORIGINAL if self.race.trains_original else ORIGINAL[:1]
        for other, row in self.rows.items():
            if other.seed == cell.seed and row.outcome == "diverged" and not has_stages(self._path(other), stages):
                raise DivergedError(row.reason)

    def _time_left(self, cells: tuple[Cell, ...]) -> str:
        """The expected time of these cells in words, at the speed so far; a resumed cell counts as a whole one."""
        if not self._worked:
            return ""
        left = [cell for cell in cells if self.rows[cell].outcome == "waiting"]
        work = sum(work_of_cells(self.race, left, self.folder))
        return f"; about {duration(work * self._seconds / self._worked)} left"

    def _record(self, cell: Cell, outcome: Outcome, reason: str = "") -> None:
        """Keep the outcome of a cell, and write the report."""
        result = None
        if outcome == "finished":
            if self._data is None or self._data[0] != cell.seed:  # the seed decides splits that the data set does not
                self._data = cell.seed, load_decided(decide(self._config(cell)))[1]
            report, result = read_result(RunFolder.open(self._path(cell)), self._data[1])
            self.facts = report.data
        self.rows[cell] = self.rows[cell].model_copy(update={"outcome": outcome, "reason": reason, "result": result})
        write_documents(self.folder, render_race_documents(self.report()))

    def _state(self, cell: Cell) -> State:
        return state_of(self._path(cell), plan=self._config(cell).plan)

    def _config(self, cell: Cell) -> RunConfig:
        return self.race.config(cell, folder=self.folder)

    def _path(self, cell: Cell) -> Path:
        return self.folder / CELLS / cell.name
