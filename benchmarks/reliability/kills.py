"""Kills: a scene's command is killed again and again, then finished and compared with the undisturbed one."""

import random
import shutil
import signal
from pathlib import Path
from typing import Final, get_args

from benchmarks.reliability.record import Case
from benchmarks.reliability.scenes import Scene, differences, digest, undisturbed
from benchmarks.reliability.victims import Kill, When
from compress.errors import CompressError
from compress.runs import RunFolder

_BY_TIME = 0.2
"""Share of the kills that come at a time instead of a file operation."""

_STOPS = 0.12
"""Share of requests to stop, by SIGTERM, in place of kills."""

_WHEN: Final[tuple[When, ...]] = get_args(When)

_STOPPED = (128 + signal.SIGTERM, -signal.SIGTERM)
"""A command that cannot save its state ends at once."""


class Chains:
    """Chains of kills of one scene; what is compared with is made once."""

    def __init__(self, scene: Scene, folder: Path, *, kills: int) -> None:
        self.scene, self.kills = scene, kills
        self._folder, self._scratch = folder, folder / "victim"
        self._undisturbed = undisturbed(scene, self._scratch)

    def case(self, number: int) -> Case:
        """Kill the command up to ``kills`` times and finish it; ``number`` seeds what is drawn."""
        scene, rng = self.scene, random.Random(f"{self.scene.name}-{number}")
        scene.set_up(self._scratch)
        case = Case(f"{scene.name} {number}")
        words = scene.words
        for _ in range(self.kills):
            kill = self._draw(rng)
            ended = scene.go(words, self._scratch, kill)
            case.steps.append(f"{' '.join(words)}: {kill}")
            case.fail_if(ended.outlived, "a process outlived its run")
            if ended.code in _STOPPED and kill.signal == signal.SIGTERM:
                case.outcomes["stopped"] += 1
            elif ended.code is None and not ended.hung and not scene.is_done(ended, kill):
                case.outcomes["killed"] += 1
            else:
                case.fail_if(not scene.is_done(ended), f"exit code {ended.code}: {ended.last_line}")
                break
            words = self._next(rng)
        self._finish(case)
        if case.faults:
            shutil.move(self._scratch, self._folder / f"fault-{number}")
        shutil.rmtree(self._scratch, ignore_errors=True)
        return case

    def _draw(self, rng: random.Random) -> Kill:
        """Spread over the whole command by as many kills as the chain has."""
        share, sent = rng.random() * 1.5 / self.kills, signal.SIGTERM if rng.random() < _STOPS else signal.SIGKILL
        if rng.random() < _BY_TIME:
            return Kill(seconds=max(0.01, 0.7 * self._undisturbed.seconds * share), signal=sent)
        when: When = "before" if sent == signal.SIGTERM else rng.choice(_WHEN)
        return Kill(1 + int(self._undisturbed.operations * share), when, signal=sent)

    def _next(self, rng: random.Random) -> tuple[str, ...]:
        """What a user gives after a kill: the command that continues, begins anew, or another one."""
        if self.scene.others and rng.random() < 0.3:
            return rng.choice(self.scene.others)
        return self._again()

    def _again(self) -> tuple[str, ...]:
        if self.scene.again == self.scene.words or _can_resume(self._scratch / "run"):
            return self.scene.again
        return (*self.scene.words, "--overwrite")

    def _finish(self, case: Case) -> None:
        ended = self.scene.go(self._again(), self._scratch)
        case.steps.append(f"{' '.join(self._again())}: to its end")
        if not self.scene.is_done(ended):
            case.fail_if(True, f"exit code {ended.code} after the kills: {ended.last_line}")
            return
        case.faults += differences(digest(self._scratch, unfinished=bool(self.scene.until)), self._undisturbed.digest)


def _can_resume(run: Path) -> bool:
    try:
        RunFolder.open(run)
    except CompressError:
        return False
    return True
