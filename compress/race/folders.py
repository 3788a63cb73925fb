"""The cells on disk: which are finished, which go on, and whether they are of this race."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from compress.errors import BadInputError, UsageError
from compress.race.cells import CELLS, OF_THE_CELL, SHAPE, Cell, RaceSettings
from compress.run.take_original import ORIGINAL
from compress.runs import STAGES, RunFolder
from compress.runs.code_record import code_notes
from compress.runs.decide import decide
from compress.runs.reopen import HOW_READ
from compress.settings.config import DecidedConfig, RunConfig

State = Literal["new", "resume", "finished"]

_CHOICE: Final = STAGES[2]
_SETTLED_BY_DATA: Final = frozenset({"image_size", "channels"})


def check_folder(race: RaceSettings, folder: Path) -> None:
    """Raise where a folder is no place for this race, before anything is computed.

    Args:
        race: settings.
        folder: new, empty, or of the same race; it may hold cells of other methods, budgets and seeds.

    Raises:
        UsageError: it holds something else, or cells with other settings.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / CELLS).is_dir()):
        raise UsageError(f"{folder} is not a race: choose another folder for --out")
    wanted = decide(race.config(next(race.cells()), folder=folder))
    for path in sorted((folder / CELLS).glob("*")):
        try:
            recorded = _recorded(path)
            unlike = [*_unlike(wanted, recorded), *code_notes(RunFolder.open(path), race.base.code)] if recorded else []
        except BadInputError:
            continue  # that cell's own fault, and a row of the table
        if unlike:
            raise UsageError(
                f"{path} was made with other settings ({'; '.join(unlike)}): go on with those, "
                "or choose another folder for --out"
            )


def state_of(path: Path, *, plan: Path | None = None) -> State:
    """How far a cell is; one whose creation was cut short is new.

    Args:
        path: its run folder.
        plan: of the shape that it has to train; a cell that trains another one is new.

    Raises:
        BadInputError: its folder is damaged.
    """
    recorded = _recorded(path)
    if recorded is None:
        return "new"
    run = RunFolder.open(path)
    if plan is not None and not _trains(run, recorded, plan):
        return "new"
    return "finished" if run.is_finished(STAGES[-1]) else "resume"


def shape_in(plan: Path) -> bytes | None:
    """The shape that another cell found; ``None`` where it has found none yet, or its file is damaged."""
    try:
        return RunFolder.open(plan.parents[1]).read_bytes(SHAPE)
    except BadInputError:
        return None


def original_for(cell: Cell, cells: Iterable[Cell], folder: Path, *, anew: bool = False) -> Path | None:
    """A run of the same seed whose original is furthest, with every file whole.

    Args:
        cell: that needs an original.
        cells: of the race.
        folder: of the race.
        anew: what the cell has will be deleted.

    Returns:
        ``None`` where no other has one, or its own is finished.
    """
    own = folder / CELLS / cell.name
    others = [folder / CELLS / other.name for other in cells if other.seed == cell.seed and other != cell]
    for stages in (ORIGINAL, ORIGINAL[:1]):
        if not anew and has_stages(own, stages):
            return None
        for path in others:
            if has_stages(path, stages) and _is_whole(path):
                return path
    return None


def has_stages(path: Path, stages: Iterable[str]) -> bool:
    """Whether a run has finished these stages; a damaged one has none."""
    try:
        if _recorded(path) is None:
            return False
        run = RunFolder.open(path)
    except BadInputError:
        return False
    return all(run.is_finished(stage) for stage in stages)


def _is_whole(path: Path) -> bool:
    try:
        RunFolder.open(path).check_all()
    except BadInputError:
        return False
    return True


def _trains(run: RunFolder, recorded: RunConfig, plan: Path) -> bool:
    """Whether a cell's shape is that of a plan; before it has read one, whether it will read this one.

    Contents are compared, so that a race whose folder was moved is the same.
    """
    if run.is_finished(_CHOICE):
        return run.read_bytes(f"{_CHOICE}/plan.json") == shape_in(plan)
    return recorded.plan == plan


def _recorded(path: Path) -> RunConfig | None:
    """A cell's settings; ``None`` where there is no run yet.

    Raises:
        BadInputError: its folder is damaged.
    """
    if not path.is_dir():
        return None
    try:
        return RunFolder.open(path).read_config()
    except BadInputError:
        try:
            RunFolder.check_free(path, overwrite=True)  # raises, unless its creation was cut short
        except UsageError:
            raise BadInputError(f"{path} is no run folder, or a damaged one") from None
        return None


def _unlike(wanted: DecidedConfig, recorded: RunConfig) -> list[str]:
    """The settings in which two cells of one race may not differ."""
    unlike = []
    for name in DecidedConfig.model_fields.keys() - OF_THE_CELL - {*HOW_READ}:
        here, there = getattr(wanted, name), getattr(recorded, name)
        if here != there and not (here is None and name in _SETTLED_BY_DATA):
            unlike.append(f"{name}: {there} there, {here} here")
    return sorted(unlike)
