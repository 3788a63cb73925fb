"""The race: its cells one after the other; what is finished is read, what was cut short goes on."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from compress.atomic import machine_faults
from compress.data.bundle import DataBundle
from compress.environment import describe_environment
from compress.errors import BadInputError, CheckFailedError, DivergedError, InterruptedRun, UsageError
from compress.observer import Observer, Silent
from compress.race.cells import CELLS, OF_THE_CELL, Cell, RaceSettings
from compress.race.folders import State, check_folder, has_stages, original_for, shape_in, state_of
from compress.race.plan import cell_works, rehearse_race
from compress.race.results import read_result, report_digest
from compress.report.documents import write_documents
from compress.report.model import DataFacts
from compress.report.race.documents import read_race, render_race_documents
from compress.report.race.model import Outcome, RaceCell, RaceReport
from compress.run.eta import duration, expected_work
from compress.run.pipeline import RunOptions, run_pipeline
from compress.run.take_original import ORIGINAL
from compress.runs import STAGES, RunFolder
from compress.runs.decide import decide, load_decided
from compress.settings.config import RunConfig
from compress.verdict.settings import VerifySettings
from compress.version import __version__
from exporters.read.session import SESSION_FACTS

_ENDS: dict[type[Exception], Outcome] = {
    DivergedError: "diverged",
    UsageError: "not applicable",
    CheckFailedError: "failed",
    BadInputError: "failed",
}
"""Errors that are a cell's own: they are a row of the table, and the race goes on."""


@dataclass(frozen=True)
class Watch:
    """How a race is watched and stopped.

    Attributes:
        cell: gives the observer of a cell; called with the cell's title and the work of its stages.
        note: is told what became of a cell that did not finish.
        should_stop: returns a signal's number once the race should save and stop.
    """

    cell: Callable[[str, Mapping[str, float]], AbstractContextManager[Observer]] = lambda *_: nullcontext(Silent())
    note: Callable[[str], None] = lambda _text: None
    should_stop: Callable[[], int | None] = lambda: None


def run_race(race: RaceSettings, *, folder: Path, watch: Watch | None = None) -> RaceReport:
    """Run every cell that is not finished yet; the report is written anew after each.

    Args:
        race: settings.
        folder: of the race: new, or of a race with the same base.
        watch: receives progress.

    Raises:
        InterruptedRun: a stop was asked for; the same race goes on where it was.
        CompressError: what makes the whole race impossible.
    """
    check_folder(race, folder)
    running = _Race(race, folder, watch or Watch())
    if running.waiting():
        rehearse_race(race, folder=folder)
    with machine_faults(folder):
        (folder / CELLS).mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(running.cells, start=1):
        running.run(cell, number)
    return running.report()


@dataclass
class _Race:
    """A race that is on: its rows so far."""

    race: RaceSettings
    folder: Path
    watch: Watch
    rows: dict[Cell, RaceCell] = field(default_factory=dict)
    facts: DataFacts | None = None
    _data: tuple[int, DataBundle] | None = None
    _worked: float = 0.0
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        """Begin with what is known of every cell."""
        self.cells = tuple(self.race.cells())
        kept = read_race(self.folder)
        known = {row.folder: row for row in kept.cells} if kept else {}
        self.facts = kept.data if kept else None
        for cell in self.cells:
            name = f"{CELLS}/{cell.name}"
            row = RaceCell(method=cell.method, keep_macs=cell.keep_macs, seed=cell.seed, folder=name)
            self.rows[cell] = known[name] if name in known and self._still_holds(cell, known[name]) else row

    def waiting(self) -> bool:
        """Whether there is anything left to do."""
        return any(row.outcome == "waiting" for row in self.rows.values())

    def run(self, cell: Cell, number: int) -> None:
        """Run a cell, or read it where it is finished, and write the report."""
        if self.rows[cell].outcome != "waiting":
            return
        signal_number = self.watch.should_stop()
        if signal_number is not None:
            raise InterruptedRun(_STOPPED, signal_number=signal_number)
        try:
            state = self._state(cell)
            if state != "finished":
                self._compute(cell, number, resume=state == "resume")
            self._settle(cell, "finished")
        except tuple(_ENDS) as error:
            outcome = next(outcome for kind, outcome in _ENDS.items() if isinstance(error, kind))
            reason = f"{error}{self._advice(cell, error)}"
            self.watch.note(f"{cell.title}: {outcome}: {reason}")
            self._settle(cell, outcome, reason)

    def _advice(self, cell: Cell, error: Exception) -> str:
        """What to do about a cell whose files are not what they should be."""
        path = self._path(cell)
        if not isinstance(error, BadInputError) or not path.exists():
            return ""
        return (
            f"; where that cannot be mended, delete the folder {path} and run the same command: "
            "this cell alone is made anew"
        )

    def _state(self, cell: Cell) -> State:
        return state_of(self._path(cell), plan=self._config(cell).plan)

    def _still_holds(self, cell: Cell, row: RaceCell) -> bool:
        """Whether what was kept of a cell is what its folder holds now; what did not apply is tried again."""
        try:
            state = self._state(cell)
            if row.outcome == "diverged":
                return state == "resume"  # it would again
            digest = report_digest(RunFolder.open(self._path(cell))) if state == "finished" else None
        except BadInputError:
            return False  # its turn will say so
        return row.result is not None and row.result.report_sha256 == digest

    def _compute(self, cell: Cell, number: int, *, resume: bool) -> None:
        config = self._config(cell)
        if config.plan is not None:
            self._check_shape(cell, config.plan, resume=resume)
        original_of = original_for(cell, self.cells, self.folder, anew=not resume)
        self._refuse_hopeless(cell)
        work = expected_work(decide(config)) | (dict.fromkeys(ORIGINAL, 0.0) if original_of else {})
        verify = None if self.race.full_latency else VerifySettings(batch_sizes=(1,), threads=(1,), seed=cell.seed)
        title = f"cell {number}/{len(self.cells)}: {cell.title}{self._time_left(number)}"
        began = time.monotonic()
        with self.watch.cell(title, work) as observer:
            try:
                run_pipeline(
                    config,
                    out=self._path(cell),
                    mode="resume" if resume else "overwrite",  # of what a cut-short creation left
                    observer=observer,
                    should_stop=self.watch.should_stop,
                    options=RunOptions(verify=verify, original_of=original_of),
                )
            except InterruptedRun as stop:
                raise InterruptedRun(_STOPPED, signal_number=stop.exit_code - 128) from None
        self._worked += sum(work.values())
        self._seconds += time.monotonic() - began

    def _check_shape(self, cell: Cell, plan: Path, *, resume: bool) -> None:
        """Raise UsageError where there is no shape to train; tell where the cell holds another one."""
        leader = self.race.leader
        if shape_in(plan) is None:
            why = f"{leader} has found none at this budget and seed"
            if plan.exists():
                why = f"{plan} is damaged: delete the folder {plan.parents[1]} and run the same command"
            raise UsageError(f"there is no shape to train: {why}")
        if not resume and has_stages(self._path(cell), STAGES[2:3]):
            self.watch.note(f"{cell.title}: the shape it holds is not the one that {leader} found: made anew")

    def _time_left(self, number: int) -> str:
        """In words, at the speed of the cells so far; a cell that is resumed counts whole."""
        if not self._worked:
            return ""
        left = [cell for cell in self.cells[number - 1 :] if self.rows[cell].outcome == "waiting"]
        work = sum(cell_works(self.race, left, self.folder))
        return f"; about {duration(work * self._seconds / self._worked)} left"

    def _refuse_hopeless(self, cell: Cell) -> None:
        """Raise DivergedError where the original of this seed diverged: it would do so in every cell."""
        stages = ORIGINAL if self.race.trains_original else ORIGINAL[:1]
        for other, row in self.rows.items():
            if other.seed == cell.seed and row.outcome == "diverged" and not has_stages(self._path(other), stages):
                raise DivergedError(row.reason)

    def _settle(self, cell: Cell, outcome: Outcome, reason: str = "") -> None:
        """Keep what came of a cell, and write the report."""
        result = None
        if outcome == "finished":
            report, result = read_result(RunFolder.open(self._path(cell)), self._images(cell))
            self.facts = report.data
        update = {"outcome": outcome, "reason": reason, "result": result}
        self.rows[cell] = self.rows[cell].model_copy(update=update)
        write_documents(self.folder, render_race_documents(self.report()))

    def _images(self, cell: Cell) -> DataBundle:
        """The images of a cell; its seed decides the splits that the data set itself leaves open."""
        if self._data is None or self._data[0] != cell.seed:
            _settings, data = load_decided(decide(self._config(cell)))
            self._data = cell.seed, data
        return self._data[1]

    def _config(self, cell: Cell) -> RunConfig:
        return self.race.config(cell, folder=self.folder)

    def _path(self, cell: Cell) -> Path:
        return self.folder / CELLS / cell.name

    def report(self) -> RaceReport:
        """The race so far."""
        first = decide(self._config(self.cells[0]))
        return RaceReport(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            compress_version=__version__,
            name=self.folder.resolve().name,
            leader=self.race.leader,
            config=first.model_dump(mode="json", exclude={*OF_THE_CELL}),
            environment=describe_environment(threads=first.threads, seed=first.seed),
            session=SESSION_FACTS,
            data=self.facts,
            cells=tuple(self.rows.values()),
        )


_STOPPED = "stopped; everything so far is saved. Go on with the same command"
