"""Negative controls: bugs that are planted in victims. The campaign's own checks have to find each of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.reliability.flips import Flips
from benchmarks.reliability.record import Case
from benchmarks.reliability.scenes import Plant, Scene, differences, digest, undisturbed
from benchmarks.reliability.victims import Kill
from compress.runs.checked_folder import CheckedFolder
from compress.training import loop
from compress.training.weights import OptimizerSteps

FOUND: Final = "found"
NOTHING: Final = "nothing planted"

_IN_AN_EPOCH: Final = Kill(inside="/03_search/.checkpoint-000003", when="after")


def forget_random_state(_run: Path) -> None:
    """A resumed run goes on with other random numbers."""
    setattr(torch, "set_rng_state", lambda _state: None)  # noqa: B010


def forget_optimizer(_run: Path) -> None:
    """A resumed run begins with a new optimizer's averages."""
    while_restoring(OptimizerSteps, "load_state_dict", lambda _steps, _state: None)


def forget_order(_run: Path) -> None:
    """A resumed run sees the rest of its epoch in another order."""
    plan = loop.plan_batches
    orders = iter([True])

    def other(order: Any, **sizes: int) -> Any:
        return plan(replace(order, seed=order.seed + 1) if next(orders, False) else order, **sizes)

    setattr(loop, "plan_batches", other)  # noqa: B010


def keep_temporary_files(_run: Path) -> None:
    """What a killed writer left is not removed."""
    unlink = Path.unlink

    def keep(path: Path, **options: bool) -> None:
        if path.suffix != ".tmp":
            unlink(path, **options)

    setattr(Path, "unlink", keep)  # noqa: B010


def trust_files(_run: Path) -> None:
    """Files are not compared with the manifest."""
    setattr(CheckedFolder, "read_bytes", lambda run, rel: (run.path / rel).read_bytes())  # noqa: B010


def while_restoring(owner: type, name: str, instead: Callable[..., Any]) -> None:
    """Replace a method while a saved state is loaded."""
    restore, usual = loop._restore, getattr(owner, name)

    def restored(*arguments: Any) -> Any:
        setattr(owner, name, instead)
        try:
            return restore(*arguments)
        finally:
            setattr(owner, name, usual)

    setattr(loop, "_restore", restored)  # noqa: B010


RESUMED: Final[Mapping[str, Plant]] = {
    NOTHING: lambda _run: None,
    "random state not restored": forget_random_state,
    "optimizer not restored": forget_optimizer,
    "order not restored": forget_order,
    "temporary files not removed": keep_temporary_files,
}
"""Bugs of a resumed run; the first case is without one."""

MANIFEST: Final = "manifest not checked"

NAMES: Final = (*RESUMED, MANIFEST)
"""What is planted in each case, by its number."""


class Controls:
    """A case for each planted bug."""

    def __init__(self, scene: Scene, reader: Scene, folder: Path) -> None:
        """``scene`` resumes a run; ``reader`` reads the ``report.json`` of a finished one."""
        self._scene, self._reader, self._folder = scene, reader, folder
        self._scratch = folder / "victim"
        self._undisturbed = undisturbed(scene, self._scratch)

    def case(self, number: int) -> Case:
        """Plant a bug, and look for it."""
        name = NAMES[number % len(NAMES)]
        found = self._silent_flips() if name == MANIFEST else self._resumed(RESUMED[name])
        case = Case(name, steps=[*found[:5]])
        case.outcomes[FOUND if found else "not found"] += 1
        case.fail_if((name == NOTHING) == bool(found), f"{name}: {'found' if found else 'not found'}")
        return case

    def _resumed(self, plant: Plant) -> list[str]:
        scene = self._scene
        scene.set_up(self._scratch)
        scene.go(scene.words, self._scratch, _IN_AN_EPOCH)
        ended = replace(scene, plant=plant).go(scene.words, self._scratch)
        if not scene.is_done(ended):
            return [f"exit code {ended.code}: {ended.last_line}"]
        return differences(digest(self._scratch, unfinished=True), self._undisturbed.digest)

    def _silent_flips(self) -> list[str]:
        planted = replace(self._reader, plant=trust_files)
        return Flips("control", {"report.json": planted}, self._folder / "flips").case(0).faults
