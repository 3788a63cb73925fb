"""The run folders of the cells: how far each one is, whether it belongs to this race, and what it found.

Axes: N images, K classes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import numpy as np

from compress.atomic import check_creatable
from compress.data.bundle import DataBundle
from compress.errors import BadInputError, UsageError
from compress.race.cells import CELL_SETTINGS, CELLS, PLAN, Cell, RaceSettings
from compress.report.model import REPORT, NetworkRow, Report, recorded_report
from compress.report.race.budget import BUDGET_SETTINGS
from compress.report.race.model import CellResult, CellTiming
from compress.run.export import TRAINED_ON
from compress.runs import STAGES, RunFolder
from compress.runs.decide import decide
from compress.runs.manifest import sha256_of
from compress.runs.outputs import check_outside_images
from compress.runs.recorded_inputs import HOW_READ, ORIGINAL, code_notes
from compress.runs.stage_context import recorded_target
from compress.settings.config import DecidedConfig, RunConfig
from compress.settings.training import TRAINING
from compress.target.table import timed_here
from compress.target.target import Target
from compress.verdict.accuracy import correct_pair, measure_drop
from compress.verdict.classify import classify
from compress.verdict.open_files import open_file

State = Literal["new", "resume", "finished"]

_SEARCH: Final = STAGES[2]
_DECIDED_LATER: Final = frozenset({"image_size", "channels", *TRAINING})
"""Settings that the images and the network decide where the user left them open."""
_DECIDED_BY_WEIGHTS: Final = frozenset({"search_start", "search_end"})
"""Settings that given weights change if their head does not fit."""


def check_folder(race: RaceSettings, folder: Path) -> None:
    """UsageError unless a folder is new, empty or of the same race, and not among the images.

    Methods, budgets and seeds may differ.

    EnvironmentProblem if it cannot be made.
    """
    check_outside_images(folder, race.base)
    check_creatable(folder)
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / CELLS).is_dir()):
        raise UsageError(f"{folder} is not a race: choose another folder for --out")
    first = race.config(next(race.cells()), folder=folder)
    for path in sorted((folder / CELLS).glob("*")):
        try:
            cell = _open(path)
            different = _differences(first, *cell) if cell else []
        except BadInputError:
            continue  # a damaged cell becomes a row of the table
        if different:
            raise UsageError(
                f"{path} was made with other settings ({'; '.join(different)}): go on with those, "
                "or choose another folder for --out"
            )


def state_of(path: Path, *, plan: Path | None = None) -> State:
    """How far the cell in a run folder is; BadInputError if the folder is damaged.

    A cell that was interrupted while its folder was created is new, and so is one that trains another shape than
    that of ``plan``.
    """
    cell = _open(path)
    if cell is None or (plan is not None and not _trains(*cell, plan)):
        return "new"
    return "finished" if cell[0].is_finished(STAGES[-1]) else "resume"


def read_plan(plan: Path) -> bytes | None:
    """The plan that another cell found; ``None`` if there is none yet or its file is damaged."""
    try:
        return RunFolder.open(plan.parents[1]).read_bytes(PLAN)
    except BadInputError:
        return None


def original_for(cell: Cell, cells: Iterable[Cell], folder: Path, *, remake: bool = False) -> Path | None:
    """The intact run of the same seed, among ``cells``, that has trained most of the original network.

    ``None`` if there is none, or the cell has its own original: ``remake`` means that its own files will be deleted.
    """
    own = folder / CELLS / cell.name
    others = [folder / CELLS / other.name for other in cells if other.seed == cell.seed and other != cell]
    for stages in (ORIGINAL, ORIGINAL[:1]):
        if not remake and has_stages(own, stages):
            return None
        for path in others:
            if has_stages(path, stages, intact=True):
                return path
    return None


def target_for(cell: Cell, cells: Iterable[Cell], folder: Path) -> Target | None:
    """The latency model that the first of these ``cells`` has recorded, so that milliseconds are the same in all.

    ``None`` if there is none yet, or the cell's budget is no latency.
    """
    for other in cells if cell.budget.is_latency else ():
        try:
            opened = _open(folder / CELLS / other.name)
            target = recorded_target(opened[0]) if opened else None
        except BadInputError:
            continue
        if target is not None:
            return target
    return None


def has_stages(path: Path, stages: Iterable[str], *, intact: bool = False) -> bool:
    """Whether a run has finished these stages, and with ``intact`` that no file has changed; ``False`` if damaged."""
    try:
        cell = _open(path)
        if cell is None or not all(cell[0].is_finished(stage) for stage in stages):
            return False
        if intact:
            cell[0].check_all()
    except BadInputError:
        return False
    return True


def report_digest(run: RunFolder) -> str:
    """sha256 of a run's report, checked against its manifest."""
    return sha256_of(run.read_bytes(REPORT))


def read_result(run: RunFolder, data: DataBundle) -> tuple[Report, CellResult]:
    """A finished cell's report and its row of the race; BadInputError if a file or the test images have changed."""
    report = recorded_report(run)
    if report.data.test_fingerprint != data.test_fingerprint:
        raise BadInputError(f"the test images are not those of {run.path}: restore them")
    trained_as_long = (row for row in report.networks if row.label == TRAINED_ON)
    original, pruned = next(trained_as_long, report.original), report.candidate
    original_NK, pruned_NK = (_logits(run, row, data) for row in (original, pruned))
    labels_N = data.test.labels.numpy()
    _, correct_N = correct_pair(original_NK, pruned_NK, labels_N)
    timings = report.timings(pruned.label, against=report.original.label)
    assert report.run is not None
    return report, CellResult(
        report_sha256=report_digest(run),
        original=original.label,
        original_top1=original.accuracy.top1,
        top1=pruned.accuracy.top1,
        drop=measure_drop(original_NK, pruned_NK, labels_N),
        macs=pruned.macs,
        parameters=pruned.parameters,
        kept_macs=pruned.kept_macs,
        kept_parameters=pruned.kept_parameters,
        timing=CellTiming.model_validate(timings[0], from_attributes=True) if timings else None,
        seconds=report.run.seconds,
        right=np.packbits(correct_N).tobytes().hex(),
    )


def _logits(run: RunFolder, row: NetworkRow, data: DataBundle) -> np.ndarray:
    run.read_bytes(row.file)  # checks it
    return classify(open_file(run.path / row.file, data), data, threads=1)


def _trains(run: RunFolder, recorded: RunConfig, plan: Path) -> bool:
    """Whether a cell trains this plan.

    After the search the plans' contents are compared, so that a race can be moved; before it, their paths.
    """
    if run.is_finished(_SEARCH):
        return run.read_bytes(f"{_SEARCH}/plan.json") == read_plan(plan)
    return recorded.plan == plan


def _open(path: Path) -> tuple[RunFolder, RunConfig] | None:
    """A cell's run folder and recorded settings; ``None`` if there is no run yet, BadInputError if it is damaged."""
    if not path.is_dir():
        return None
    try:
        run = RunFolder.open(path)
        return run, run.read_config()
    except BadInputError:
        try:
            RunFolder.check_free(path, overwrite=True)  # raises, unless its creation was interrupted
        except UsageError:
            raise BadInputError(f"{path} is not a run folder, or is damaged") from None
        return None


def _differences(first: RunConfig, run: RunFolder, recorded: RunConfig) -> list[str]:
    """What has to be equal in all cells of a race and is not: settings, code, the machine of the latency model.

    The settings of the ``first`` cell are compared at the budget of this one, which decides where its search ends.
    """
    wanted = decide(first.model_copy(update={name: getattr(recorded, name) for name in BUDGET_SETTINGS}))
    target = recorded_target(run)
    other = target is not None and (target.facts.machine, target.facts.versions) != timed_here()
    machine = ["its latency model is of another machine or onnxruntime"] if other else []
    return [*_different(wanted, recorded), *code_notes(run, wanted.code), *machine]


def _different(wanted: DecidedConfig, recorded: RunConfig) -> list[str]:
    """Settings that have to be equal in all cells of a race and are not."""
    free = CELL_SETTINGS | {*HOW_READ} | (_DECIDED_BY_WEIGHTS if wanted.weights else frozenset())
    return [
        f"{name}: {there} there, {here} here"
        for name in sorted(DecidedConfig.model_fields.keys() - free)
        if (here := getattr(wanted, name)) != (there := getattr(recorded, name))
        and not (here is None and name in _DECIDED_LATER)
    ]
