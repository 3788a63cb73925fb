"""Scenes: commands that are killed or attacked, what is there before, and the same made without disturbance.

Images of 16 pixels in three classes of noise, a network of two convolutions with BatchNorm and dropout, six epochs.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.reliability.victims import Ended, Kill, call, run_command
from compress.report.model import REPORT
from compress.settings.verify import VerifySettings
from compress.training import loop
from exporters.measure.latency import LatencySettings
from tests.helpers.datasets import write_image_folder

NETWORK: Final = """\
from torch import nn

def build(classes):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
    )
"""

SETTINGS: Final = {
    "image-size": 16, "batch-size": 16, "align": 1, "epochs": 6, "search-start": 3, "search-end": 5, "threads": 1,
    "workers": 0, "keep-macs": 0.5,
}  # fmt: skip

BEGUN: Final = "01_baseline"
TRAINED: Final = "06_export"

Plant = Callable[[Path], None]
"""What is done to a victim before its command: a fault of the machine, or a bug. It is given the run's folder."""

_TIMED: Final = ("events.jsonl", "env.json", "MANIFEST.sha256", ".lock", ".html", ".md", ".svg", "finished.json")
"""Ends of the names of files that hold dates, times or free space."""

_BEING_WRITTEN: Final = "/.MANIFEST."
"""The one temporary file that a victim may be writing when a scene ends in the middle of a run."""

_NOBODYS: Final = re.compile(
    r"tmp/(compress-scratch-[^/]+/(\.lock-of-compress)?|pymp-.*|(pre|ort)\.quant\..*)|\.compare\.html\.\w+\.tmp"
)
"""What a kill may leave: empty temporary folders, the sockets of workers, onnxruntime's, and a part of a page."""

_REPORTS: Final = (REPORT, "race.json")

_TIMED_KEYS: Final = frozenset(
    {"created", "name", "latency", "memory", "operators", "environment", "session", "seconds", "notes", "made", "time"}
)


def prepare_library() -> None:
    """Latency is not what is tested: a tenth of a second of it. A run saves its state after every step."""
    loop.SAVE_EVERY_S = 0.0
    short = LatencySettings(rounds=4, min_pairs=8, min_seconds=0, max_seconds=0.1, warmup_seconds=0.01)
    setattr(VerifySettings, "latency", property(lambda settings: replace(short, seed=settings.seed)))  # noqa: B010


@dataclass(frozen=True)
class Setting:
    """The folder of a campaign: images, the network's code, and what was made without disturbance."""

    root: Path

    @property
    def images(self) -> Path:
        """Image folder of all scenes."""
        return self.root / "images"

    @property
    def code(self) -> str:
        """The tiny network, as ``--model`` names it."""
        return f"{self.root}/net.py:build"

    def make(self) -> "Setting":
        """Write images and code, if they are not there."""
        if not self.images.exists():
            write_image_folder(self.root / "images.new", train=30, test=10, size=16).rename(self.images)
        (self.root / "net.py").write_text(NETWORK)
        return self

    def flags(self, **changes: object) -> tuple[str, ...]:
        """Flags of a run of the tiny network."""
        values = {"dataset": self.images, "model": self.code} | SETTINGS | changes
        return tuple(w for name, value in values.items() if value is not None for w in (f"--{name}", str(value)))


@dataclass(frozen=True)
class Scene:
    """A command that is killed.

    ``words`` is the command and ``again`` the one that continues; RUN in them is the folder it works on, copied from
    ``before`` where there is something before. ``others`` are commands that must work after a kill, too.
    ``until`` ends the scene at the first file operation in that folder, where the rest is not what is tested.
    """

    name: str
    words: tuple[str, ...]
    again: tuple[str, ...]
    before: Path | None = None
    others: tuple[tuple[str, ...], ...] = ()
    until: str = ""
    plant: Plant = lambda _run: None

    def go(self, words: tuple[str, ...], scratch: Path, kill: Kill | None = None, timeout: float = 300.0) -> Ended:
        """Give a command in ``scratch``, where the scene's folder is ``scratch/run``; in a fork, after ``plant``."""
        given = [word.replace("RUN", str(scratch / "run")) for word in words]
        if self.until and not (kill and kill.inside):
            kill = replace(kill or Kill(), inside=f"/{self.until}/")

        def work() -> int:
            self.plant(scratch / "run")
            return run_command(given)

        return call(work, scratch, kill=kill, timeout=timeout)

    def set_up(self, scratch: Path) -> None:
        """An empty folder with what there is before."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        if self.before is not None:
            shutil.copytree(self.before, scratch / "run", symlinks=True)

    def is_done(self, ended: Ended, kill: Kill | None = None) -> bool:
        """Whether the command came to its end, and not to ``kill``."""
        if self.until and ended.code is None:
            return kill is None or not (kill.seconds or ended.operations == kill.number)
        return ended.code == 0


@dataclass(frozen=True)
class Undisturbed:
    """How a scene ends without a kill: what it leaves, what it prints, and what it takes."""

    digest: dict[str, str]
    stdout: str
    operations: int
    seconds: float


_KNOWN: Final[dict[Scene, "Undisturbed"]] = {}


def undisturbed(scene: Scene, scratch: Path) -> Undisturbed:
    """Make the scene without a kill, in the folder of its victims; RuntimeError if it fails.

    Nothing in an unfinished run depends on its folder: several kinds of attacks share it.
    """
    if scene.until and scene in _KNOWN:
        return _KNOWN[scene]
    scene.set_up(scratch)
    ended = scene.go(scene.words, scratch)
    if not scene.is_done(ended):
        raise RuntimeError(f"{scene.name}, undisturbed, ended with {ended.code}: {ended.stderr[-2000:]}")
    found = digest(scratch, unfinished=bool(scene.until))
    return _KNOWN.setdefault(scene, Undisturbed(found, ended.stdout, ended.operations, ended.seconds))


def digest(scratch: Path, *, unfinished: bool = False) -> dict[str, str]:
    """What a scene has made: name -> digest of all that does not depend on time, and everything left behind.

    ``unfinished`` leaves out what comes and goes while a run is under way.
    """
    found: dict[str, str] = {}
    for path in sorted(path for path in scratch.rglob("*") if not path.is_dir()):
        name = path.relative_to(scratch).as_posix()
        under_way = unfinished and (name.startswith(("tmp/", f"run/{TRAINED}/")) or _BEING_WRITTEN in name)
        if name in ("stdout", "stderr") or under_way or _NOBODYS.fullmatch(name):
            continue
        found |= _content(name, path)
    if not unfinished:
        found |= {f"{path.relative_to(scratch)}/": "folder" for path in (scratch / "tmp").iterdir() if path.is_dir()}
    return {name: one for name, one in found.items() if not _NOBODYS.fullmatch(name)}


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """What differs from the undisturbed."""
    missing = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    left = [f"{name} was left behind" for name in sorted(found.keys() - expected.keys())]
    both = sorted(found.keys() & expected.keys())
    return [*missing, *left, *(f"{name} differs" for name in both if found[name] != expected[name])]


def _content(name: str, path: Path) -> dict[str, str]:
    if path.name in _REPORTS:  # by key, so that a difference has a name
        parts = _timeless(json.loads(path.read_text()))
        return {f"{name}: {key}": hashlib.sha256(json.dumps(part).encode()).hexdigest() for key, part in parts.items()}
    timed = path.name.endswith(_TIMED)
    return {name: "there" if timed else hashlib.sha256(path.read_bytes()).hexdigest()}


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _timeless(one) for key, one in value.items() if key not in _TIMED_KEYS}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
