"""The scenes of the kills: which commands are killed, and how often."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.reliability import machine
from benchmarks.reliability.controls import Controls
from benchmarks.reliability.flips import Flips
from benchmarks.reliability.kills import Chains
from benchmarks.reliability.scenes import BEGUN, TRAINED, Scene, Setting, undisturbed
from benchmarks.reliability.victims import Kill


@dataclass(frozen=True)
class Plan:
    """A scene, made when it is needed; the kills of a chain, and how many kills the committed run has at least."""

    make: Callable[["Bases"], Scene]
    per_chain: int
    kills: int


class Bases:
    """Runs that scenes begin with, made once."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting.make()

    def tiny(self, **changes: object) -> Scene:
        """A run of the tiny network from its first command."""
        words = ("run", *self.setting.flags(**changes), "--out", "RUN", "--quiet")
        return Scene("tiny network, new run", words, self.resume)

    @property
    def resume(self) -> tuple[str, ...]:
        """The command that continues a run of the tiny network."""
        return ("run", "--resume", "RUN", "--model", self.setting.code, "--quiet")

    @property
    def export(self) -> tuple[str, ...]:
        """The command that makes all files of a run of the tiny network."""
        kinds = ("--int8", "--fp16", "--embed-preprocessing")
        return ("export", "RUN", *kinds, "--no-verify", "--model", self.setting.code, "--quiet")

    def begun(self, name: str, scene: Scene) -> Scene:
        """The same scene without what comes before the first stage: it begins with a run folder."""
        folder = self._made(f"begun-{name}", lambda root: _killed_in(f"/{BEGUN}/", scene, root))
        return replace(scene, name=name, words=scene.again, before=folder / "run")

    def finished(self) -> Path:
        """A finished run of the tiny network."""
        return self._made("finished", lambda root: undisturbed(self.tiny(), root)) / "run"

    def unfinished(self, stage: str) -> Path:
        """A run of the tiny network that was killed after some steps of a stage."""
        where = f"/{stage}/checkpoint-000004"
        begun = self.begun("tiny network", self.tiny())
        return self._made(f"unfinished-{stage}", lambda root: _killed_in(where, begun, root)) / "run"

    def exported(self) -> Path:
        """A finished run with more files."""
        scene = Scene("", self.export, self.export, before=self.finished())
        return self._made("exported", lambda root: undisturbed(scene, root)) / "run"

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        root = self.setting.root / "bases" / name
        if not root.exists():
            new = root.with_name(f"{name}.new")
            make(new)
            new.rename(root)
        return root


def _killed_in(place: str, scene: Scene, root: Path) -> None:
    scene.set_up(root)
    ended = scene.go(scene.words, root, Kill(inside=place))
    if ended.code is not None:
        raise RuntimeError(f"{scene.name} ended with {ended.code}: {ended.stderr[-2000:]}")
    shutil.rmtree(root / "tmp")


def _trained(bases: Bases) -> Scene:
    return replace(bases.begun("tiny network", bases.tiny()), name="tiny network, up to the export", until=TRAINED)


def _weights(bases: Bases) -> Scene:
    weights = bases.finished() / "01_baseline/weights.safetensors"
    return bases.begun("given weights", bases.tiny(weights=weights, **{"search-start": 0}))


def _paper(bases: Bases) -> Scene:
    changes = {"preset": "paper", "keep-macs": None, "search-start": 2, "search-end": 5}
    return bases.begun("preset paper", bases.tiny(**changes))


def _squeezenet(bases: Bases) -> Scene:
    flags = bases.setting.flags(model=None, arch="squeezenet", align=8, **{"image-size": 24})
    words = ("run", *flags, "--out", "RUN", "--quiet")
    return bases.begun("squeezenet", Scene("", words, ("run", "--resume", "RUN", "--quiet")))


def _race(bases: Bases) -> Scene:
    flags = bases.setting.flags(**{"keep-macs": None})
    words = ("race", *flags, "--keep-macs", "0.5", "--methods", "l1,scratch", "--seeds", "1", "--out", "RUN", "--quiet")
    return Scene("race of two cells", words, words)


def _export(bases: Bases) -> Scene:
    others = (("verify", "RUN", *_QUICK, "--model", bases.setting.code), bases.resume)
    return Scene("export", bases.export, bases.export, before=bases.finished(), others=others)


def _verify(bases: Bases) -> Scene:
    words = ("verify", "RUN", *_QUICK, "--model", bases.setting.code)
    return Scene("verify", words, words, before=bases.finished(), others=(bases.resume,))


def _report(bases: Bases) -> Scene:
    words = ("report", "RUN")
    return Scene("report", words, words, before=bases.finished(), others=(bases.resume,))


def _compare(bases: Bases) -> Scene:
    words = ("compare", "RUN", str(bases.finished()), "--html", "RUN/../compare.html")
    return Scene("compare", words, words, before=bases.finished())


_QUICK: Final = ("--seconds", "0.05", "--batch-sizes", "1", "--threads", "1", "--quiet")

PLANS: Final = {
    "trained": Plan(_trained, 14, 550),
    "tiny": Plan(lambda bases: bases.begun("tiny network", bases.tiny()), 16, 200),
    "new": Plan(lambda bases: bases.tiny(), 8, 24),
    "weights": Plan(_weights, 16, 70),
    "paper": Plan(_paper, 16, 70),
    "workers": Plan(lambda bases: bases.begun("two workers", bases.tiny(workers=2)), 16, 60),
    "squeezenet": Plan(_squeezenet, 16, 48),
    "race": Plan(_race, 16, 48),
    "export": Plan(_export, 5, 48),
    "verify": Plan(_verify, 5, 48),
    "report": Plan(_report, 5, 40),
    "compare": Plan(_compare, 3, 24),
}


FLIPS: Final = {
    "finished": 9700, "exported": 150, "01_baseline": 50, "02_original": 50, "03_search": 50, "05_finetune": 50,
}  # fmt: skip
"""Where files are damaged, and how many flips the committed run has at least."""


def flips(bases: Bases, *, name: str) -> Flips:
    """The flips in a finished run, in one with more files, or in one that was killed in the stage ``name``."""
    before = {"finished": bases.finished, "exported": bases.exported}.get(name, lambda: bases.unfinished(name))()
    finished = name in ("finished", "exported")
    verify = ("verify", "RUN", *_QUICK, "--model", bases.setting.code)
    words = {
        "finished": {
            "*": verify,
            "report.json MANIFEST*": ("compare", "RUN", str(bases.finished())),
            "report.json artifacts/model.json MANIFEST*": ("report", "RUN", "--json"),
            "05_finetune/*.safetensors */plan.json config.toml data.json code.json MANIFEST*": bases.resume,
        },
        "exported": {"*": verify, "artifacts/*": bases.export},
    }.get(name, {"*": bases.resume})
    until = "" if finished else TRAINED
    readers = {files: Scene(f"{name}: {one[0]}", one, one, before, until=until) for files, one in words.items()}
    return Flips(name, readers, bases.setting.root / "flips" / name)


MACHINE: Final = {
    "errors at file operations": (machine.FailingDisk, machine.nothing, 40),
    "full disk": (machine.FullDisk, machine.nothing, 12),
    "limits": (machine.Faults, machine.limited, 15),
    "read-only folder": (machine.Faults, machine.read_only, 2),
    "no locks": (machine.Faults, machine.unlockable, 10),
    "two processes": (machine.Faults, machine.taken, 2),
}
"""Faults of the machine: how they are made, how they are chosen, and how many the committed run has at least."""


def faults(bases: Bases, *, name: str) -> machine.Faults:
    """Faults of the machine while a run of the tiny network is under way."""
    make, draw, _wanted = MACHINE[name]
    return make(_trained(bases), bases.setting.root / "machine" / name.replace(" ", "-"), draw)


def controls(bases: Bases) -> Controls:
    """Planted bugs."""
    words = ("compare", "RUN", str(bases.finished()))
    reader = Scene("compare", words, words, bases.finished())
    return Controls(_trained(bases), reader, bases.setting.root / "controls")


def divergence(bases: Bases) -> machine.Faults:
    """Training that diverges."""
    return machine.Faults(_trained(bases), bases.setting.root / "divergence", machine.diverging, code=6)


def chains(bases: Bases, *, name: str) -> Chains:
    """The chains of a scene."""
    plan = PLANS[name]
    return Chains(plan.make(bases), bases.setting.root / "kills" / name, kills=plan.per_chain)
