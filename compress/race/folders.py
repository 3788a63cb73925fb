"""The cells on disk: which are finished, which go on, and whether they are of this race."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from compress.config import DecidedConfig, RunConfig
from compress.errors import BadInputError, UsageError
from compress.race.cells import CELLS, Cell, RaceSettings
from compress.runs import STAGES, RunFolder
from compress.settings import decide
from compress.stages.code_record import code_notes
from compress.stages.reopen import HOW_READ
from compress.stages.taken import ORIGINAL

State = Literal["new", "resume", "finished"]

_OF_THE_CELL: Final = frozenset({"method", "plan", "keep_macs", "seed"})
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
        recorded = _recorded(path)
        unlike = [*_unlike(wanted, recorded), *code_notes(RunFolder.open(path), race.base.code)] if recorded else []
        if unlike:
            raise UsageError(
                f"{path} was made with other settings ({'; '.join(unlike)}): go on with those, "
                "or choose another folder for --out"
            )


def state_of(path: Path) -> State:
    """How far a cell is; one whose creation was cut short is new."""
    if _recorded(path) is None:
        return "new"
    return "finished" if RunFolder.open(path).is_finished(STAGES[-1]) else "resume"


def original_for(cell: Cell, cells: Iterable[Cell], folder: Path) -> Path | None:
    """A run of the same seed whose original is furthest; ``None`` where no other has one, or its own is finished."""
    own = folder / CELLS / cell.name
    others = [folder / CELLS / other.name for other in cells if other.seed == cell.seed and other != cell]
    for stages in (ORIGINAL, ORIGINAL[:1]):
        if has_stages(own, stages):
            return None
        for path in others:
            if has_stages(path, stages):
                return path
    return None


def has_stages(path: Path, stages: Iterable[str]) -> bool:
    """Whether a run has finished these stages."""
    if _recorded(path) is None:
        return False
    run = RunFolder.open(path)
    return all(run.is_finished(stage) for stage in stages)


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
        RunFolder.check_free(path, overwrite=True)  # raises, unless its creation was cut short
        return None


def _unlike(wanted: DecidedConfig, recorded: RunConfig) -> list[str]:
    """The settings in which two cells of one race may not differ."""
    unlike = []
    for name in DecidedConfig.model_fields.keys() - _OF_THE_CELL - {*HOW_READ}:
        here, there = getattr(wanted, name), getattr(recorded, name)
        if here != there and not (here is None and name in _SETTLED_BY_DATA):
            unlike.append(f"{name}: {there} there, {here} here")
    return sorted(unlike)
