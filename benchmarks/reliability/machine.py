"""A machine that fails: no space, no rights, no locks, few files; then the same command on a sound machine.

A fault has to be named with exit code 5, or not to matter, and nothing may be lost: the run is finished afterwards and
compared with an undisturbed one. Training that diverges ends with exit code 6, and no saved file holds a NaN.
"""

import errno
import fcntl
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.reliability.record import Case
from benchmarks.reliability.scenes import Plant, Scene, differences, digest, undisturbed
from benchmarks.reliability.victims import Ended, Kill
from compress.runs.tensor_files import state_from_bytes, weights_from_bytes
from compress.training.weights import OptimizerSteps

Draw = Callable[[random.Random], tuple[str, Plant]]

_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EFBIG, errno.ESTALE)
_LOCKS: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.ESTALE, errno.EIO)
_NOBODY: Final = 65534


class Faults:
    """Cases of one fault; ``draw`` chooses it. After the fault the same command is given again, without it."""

    def __init__(self, scene: Scene, folder: Path, draw: Draw, *, code: int = 5) -> None:
        self.scene, self.scratch, self._draw, self._code = scene, folder / "victim", draw, code
        self.undisturbed = undisturbed(scene, self.scratch)

    def case(self, number: int) -> Case:
        """One command on the failing machine, and one on a sound one."""
        label, plant = self._draw(rng := random.Random(number))
        self.prepare()
        case = Case(label, steps=[f"{label}: {' '.join(self.scene.words)}"])
        ended = self.attack(rng, plant, case)
        case.fail_if(ended.hung, "hangs")
        harmless = ended.code == 0 or self.scene.is_done(ended)
        case.outcomes["did not matter" if harmless else f"exit code {ended.code}"] += 1
        case.fail_if(not harmless and ended.code != self._code, f"exit code {ended.code}: {ended.last_line}")
        case.faults += [f"NaN in {name}" for name in not_finite(self.scratch / "run")]
        if self._code == 5:
            self._again(case)
        return case

    def prepare(self) -> None:
        """What there is before the command."""
        self.scene.set_up(self.scratch)

    def attack(self, rng: random.Random, plant: Plant, case: Case) -> Ended:  # noqa: ARG002
        """The command with the fault."""
        return replace(self.scene, plant=plant).go(self.scene.words, self.scratch)

    def _again(self, case: Case) -> None:
        ended = self.scene.go(self.scene.again, self.scratch)
        if not self.scene.is_done(ended):
            case.fail_if(True, f"afterwards exit code {ended.code}: {ended.last_line}")
            return
        found = digest(self.scratch, unfinished=bool(self.scene.until))
        case.faults += [f"afterwards {one}" for one in differences(found, self.undisturbed.digest)]


class FailingDisk(Faults):
    """From a file operation on, everything that needs the disk fails with an error number."""

    def attack(self, rng: random.Random, plant: Plant, case: Case) -> Ended:  # noqa: ARG002
        """The command, with the error from a random operation on."""
        kill = Kill(rng.randint(1, self.undisturbed.operations), error=rng.choice(_DISK))
        case.steps.append(str(kill))
        return self.scene.go(self.scene.words, self.scratch, kill)


class FullDisk(Faults):
    """A file system in memory with little space left; it needs the right to mount one."""

    def prepare(self) -> None:
        """Mount it, large enough for what there is before."""
        self._unmount()
        self.scratch.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.scratch)], check=True)
        assert self.scene.before is not None
        shutil.copytree(self.scene.before, self.scratch / "run")

    def attack(self, rng: random.Random, plant: Plant, case: Case) -> Ended:
        """The command with up to half a megabyte of space."""
        used = int(subprocess.check_output(["du", "-sk", str(self.scratch)]).split()[0])
        self._resize(f"{used + rng.randint(0, 500)}k")
        try:
            return super().attack(rng, plant, case)
        finally:
            self._resize("64m")

    def case(self, number: int) -> Case:
        """One command on the full disk, and one with space; then the file system is gone."""
        try:
            return super().case(number)
        finally:
            self._unmount()

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.scratch)], check=True)

    def _unmount(self) -> None:
        if self.scratch.is_mount():
            subprocess.run(["umount", "-l", str(self.scratch)], check=True)


def nothing(rng: random.Random) -> tuple[str, Plant]:  # noqa: ARG001
    """No fault but that of the class."""
    return "disk", lambda _run: None


def limited(rng: random.Random) -> tuple[str, Plant]:
    """A limit of the process: largest file, or number of open files."""
    size, files = (resource.RLIMIT_FSIZE, rng.randint(1, 60_000)), (resource.RLIMIT_NOFILE, rng.randint(8, 40))
    which, amount = rng.choice((size, files))
    name = "largest file" if which == resource.RLIMIT_FSIZE else "open files"
    return f"{name}: {amount}", lambda _run: resource.setrlimit(which, (amount, amount))


def read_only(rng: random.Random) -> tuple[str, Plant]:  # noqa: ARG001
    """A run of somebody else's that may be read; root becomes nobody."""

    def plant(run: Path) -> None:
        if os.getuid():
            run.chmod(0o555)
            return
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)

    return "read-only folder", plant


def unlockable(rng: random.Random) -> tuple[str, Plant]:
    """A file system whose locks fail, as those of networks do."""
    number = rng.choice(_LOCKS)

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    def plant(_run: Path) -> None:
        for name in ("flock", "lockf"):
            setattr(fcntl, name, refuse)

    return f"locks fail with {errno.errorcode[number]}", plant


def taken(rng: random.Random) -> tuple[str, Plant]:  # noqa: ARG001
    """Another process is using the folder."""

    def plant(run: Path) -> None:
        fcntl.flock(os.open(run / ".lock", os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)

    return "two processes", plant


def diverging(rng: random.Random) -> tuple[str, Plant]:
    """A loss or a gradient that is not finite, at a step of any stage."""
    what, value = rng.choice(("loss", "gradient")), rng.choice((float("nan"), float("inf")))
    after, taken_steps, take = rng.randrange(50), iter(range(1000)), OptimizerSteps.take

    def diverge(steps: OptimizerSteps, loss: torch.Tensor) -> None:
        if next(taken_steps) == after:
            weight = steps.optimizer.param_groups[0]["params"][0]
            if what == "gradient":
                weight.register_hook(lambda gradient: gradient * value)
            else:
                loss = loss * value
        take(steps, loss)

    def plant(_run: Path) -> None:
        setattr(OptimizerSteps, "take", diverge)  # noqa: B010

    return f"{what} {value} at step {after}", plant


def not_finite(run: Path) -> list[str]:
    """Files of a run with tensors that are not finite."""
    found = []
    for path in sorted(run.rglob("*")):
        if path.suffix == ".safetensors":
            tensors = list(weights_from_bytes(path.read_bytes(), name=path.name).values())
        elif path.suffix == ".pt":
            tensors = list(_tensors(state_from_bytes(path.read_bytes(), name=path.name)))
        else:
            continue
        found += [path.relative_to(run).as_posix()] if any(_is_not_finite(one) for one in tensors) else []
    return found


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all())


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for part in value.values() for one in _tensors(part)]
    if isinstance(value, list | tuple):
        return [one for part in value for one in _tensors(part)]
    return [value]
