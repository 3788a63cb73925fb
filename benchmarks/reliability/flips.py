"""Flips and truncations: a file of a run is damaged, then a command reads it. It has to refuse or to be right."""

import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from benchmarks.reliability.record import Case
from benchmarks.reliability.scenes import Scene, differences, digest, undisturbed
from benchmarks.reliability.victims import Ended

BATCH: Final = 50
_TRUNCATED: Final = 0.2
"""Share of truncations among the damages."""

_REFUSED: Final = 4


@dataclass(frozen=True)
class Damage:
    """A bit that is flipped, or the length to which a file is cut."""

    name: str
    bit: int | None
    length: int

    def apply(self, file: Path) -> None:
        """Damage the file."""
        data = bytearray(file.read_bytes())[: self.length]
        if self.bit is not None:
            data[self.bit // 8] ^= 1 << self.bit % 8
        file.write_bytes(data)

    def __str__(self) -> str:
        return f"{self.name}, " + (f"cut to {self.length} bytes" if self.bit is None else f"bit {self.bit} flipped")


class Flips:
    """Damages in the folder of a scene, each followed by one of several commands."""

    def __init__(self, name: str, readers: Mapping[str, Scene], folder: Path) -> None:
        """``readers`` are commands by the patterns of the files that they read, such as ``*.json *.onnx``."""
        self.name, self._scenes, self._scratch = name, [*readers.values()], folder / "victim"
        self._patterns = [patterns.split() for patterns in readers]
        self._undisturbed = [undisturbed(scene, self._scratch) for scene in self._scenes]
        self._scenes[0].set_up(self._scratch)
        read = [pattern for patterns in self._patterns for pattern in patterns]
        self._files = sorted(name for name, size in self._sizes().items() if size and _matches(name, read))

    def case(self, number: int) -> Case:
        """Fifty damages, one after the other, each in a whole folder."""
        rng, case = random.Random(f"{self.name}-{number}"), Case(f"{self.name} {number}")
        self._scenes[0].set_up(self._scratch)
        for _ in range(BATCH):
            self._attack(rng, case)
        return case

    def _attack(self, rng: random.Random, case: Case) -> None:
        name = rng.choice(self._files)
        which = rng.choice([one for one, patterns in enumerate(self._patterns) if _matches(name, patterns)])
        file, scene = self._scratch / "run" / name, self._scenes[which]
        size = file.stat().st_size
        cut = rng.random() < _TRUNCATED
        damage = Damage(name, None, rng.randrange(size)) if cut else Damage(name, rng.randrange(8 * size), size)
        damage.apply(file)
        before = self._state()
        ended = scene.go(scene.words, self._scratch)
        outcome, fault = self._judge(which, ended, damage)
        case.outcomes[outcome] += 1
        if fault:
            case.fail_if(True, f"{damage}; {scene.words[0]}: {fault}")
            case.steps.append(f"{damage}: {' '.join(scene.words)}")
        if self._state() == before:
            shutil.copyfile(_source(scene) / name, file)
        else:
            scene.set_up(self._scratch)

    def _judge(self, which: int, ended: Ended, damage: Damage) -> tuple[str, str]:
        """How it ended, and the fault if that is one."""
        scene = self._scenes[which]
        if ended.hung or not (ended.code == _REFUSED or scene.is_done(ended)):
            return "failed", f"exit code {ended.code}: {ended.last_line}"
        if ended.code == _REFUSED:
            named = Path(damage.name).name in ended.stderr or "MANIFEST.sha256" in ended.stderr
            return "refused", "" if named else f"refused without the file's name: {ended.last_line}"
        expected = self._undisturbed[which]
        found = digest(self._scratch, unfinished=bool(scene.until))
        wrong = [one for one in differences(found, expected.digest) if not one.startswith(f"run/{damage.name}")]
        if scene.words[0] in ("report", "compare") and ended.stdout != expected.stdout:
            wrong.append("what it prints differs")
        return ("silent", f"silent: {', '.join(wrong)}") if wrong else ("right all the same", "")

    def _sizes(self) -> dict[str, int]:
        root = self._scratch / "run"
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}

    def _state(self) -> dict[str, tuple[int, int]]:
        """What changes where a command writes."""
        return {
            path: (found.st_size, found.st_mtime_ns)
            for folder, _folders, names in os.walk(self._scratch / "run")
            for path in (os.path.join(folder, name) for name in names)
            for found in [os.stat(path)]
        }


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _source(scene: Scene) -> Path:
    assert scene.before is not None
    return scene.before
