"""The hostile inputs of each kind, by number: first those made by hand, then valid files changed at random."""

import io
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file

from benchmarks.reliability.commands import Bases
from benchmarks.reliability.hostile import Input, Words, Write, changed_bytes, changed_json, changed_toml
from tests.helpers.datasets import write_kuzushiji
from tests.helpers.hostile_onnx import HOSTILE as ONNX_FILES
from tests.helpers.hostile_weights import HOSTILE_WEIGHTS

Change = Callable[[bytes, random.Random], bytes]
Inputs = Callable[[int], Input]

_WEIGHTS: Final = "01_baseline/weights.safetensors"
_QUICK: Final = ("--seconds", "0.05", "--batch-sizes", "1", "--threads", "1", "--quiet")

_NAMES: Final = (
    b"\x1b]0;owned\x07.pt", b"[red][bold].pt", b"<script>.pt", b"\xff\xfe.pt", b"-rf", b"new\nline.pt", b" ", b"...",
    b"a" * 255, "\u202egpj.pt".encode(), b"$(touch owned).pt", b"%s%n.pt", "e\u0301.pt".encode(), b"\x9b31m.pt",
)  # fmt: skip


def weights(bases: Bases) -> Inputs:
    """Weights for the tiny network: files made to harm, then changed safetensors and checkpoints."""
    good = bases.finished() / _WEIGHTS

    def checkpoint() -> bytes:
        stream = io.BytesIO()
        torch.save(load_file(good), stream)
        return stream.getvalue()

    def words(path: Path) -> Sequence[object]:
        flags = bases.setting.flags(weights=path, **{"search-start": 0})
        return ("run", *flags, "--out", path.parent / "run", "--dry-run")

    valid = {"w.safetensors": good.read_bytes(), "w.pt": checkpoint()}
    return _by_number(dict(HOSTILE_WEIGHTS), valid, changed_bytes, words)


def onnx_files(bases: Bases) -> Inputs:
    """ONNX files: made to harm, then changed ones."""
    good = bases.finished() / "artifacts/pruned.onnx"

    def words(path: Path) -> Sequence[object]:
        return ("verify", "--original", good, "--candidate", path, "--dataset", bases.setting.images, *_QUICK)

    made = {one.name: one.write for one in ONNX_FILES}
    return _by_number(made, {"n.onnx": good.read_bytes()}, changed_bytes, words)


def plans(bases: Bases) -> Inputs:
    """Pruning plans."""

    def words(path: Path) -> Sequence[object]:
        return ("run", *bases.setting.flags(method="scratch", plan=path), "--out", path.parent / "run", "--dry-run")

    valid = {"plan.json": (bases.finished() / "03_search/plan.json").read_bytes()}
    return _by_number({}, valid, changed_json, words)


def reports(bases: Bases) -> Inputs:
    """Reports, shown or compared."""
    good = bases.finished() / "report.json"

    def words(path: Path) -> Sequence[object]:
        return ("report", path) if path.name == "a.json" else ("compare", path, good)

    return _by_number({}, {"a.json": good.read_bytes(), "b.json": good.read_bytes()}, changed_json, words)


def settings(bases: Bases) -> Inputs:
    """TOML files of settings."""

    def words(path: Path) -> Sequence[object]:
        return ("run", "--config", path, "--out", path.parent / "run", "--dry-run")

    return _by_number({}, {"c.toml": (bases.finished() / "config.toml").read_bytes()}, changed_toml, words)


def run_folders(bases: Bases) -> Inputs:
    """A run folder with a changed JSON file whose checksum is right."""
    good = bases.finished()
    names = sorted(path.relative_to(good).as_posix() for path in good.rglob("*.json"))

    def make(number: int) -> Input:
        rng = random.Random(number)
        name = rng.choice(names)

        def write(folder: Path) -> Path:
            from compress.runs import RunFolder

            shutil.copytree(good, folder / "run")
            with RunFolder.open(folder / "run") as run:
                run.write_bytes(name, changed_json((good / name).read_bytes(), rng))
            return folder / "run"

        model = ("--model", bases.setting.code)
        command = rng.choice((("report",), ("run", *model, "--resume"), ("verify", *_QUICK, *model)))
        return Input(f"{name} {number}", write, lambda path: (*command, path))

    return make


def images(bases: Bases) -> Inputs:
    """An image folder with a changed image, or with something else in its place."""
    good = bases.setting.images

    def words(path: Path) -> Sequence[object]:
        return ("run", *bases.setting.flags(dataset=path), "--out", path.parent / "run", "--dry-run")

    def write(number: int) -> Write:
        def make(folder: Path) -> Path:
            rng = random.Random(number)
            root = shutil.copytree(good, folder / "images")
            image = root / "train/dark/0.png"
            data = image.read_bytes()
            image.unlink()
            odd = list(_odd_files(data).values())
            if number < len(odd):
                odd[number](image)
            else:
                image.write_bytes(changed_bytes(data, rng))
            return root

        return make

    return lambda number: Input(f"image {number}", write(number), words)


def data_files(bases: Bases) -> Inputs:
    """A folder of idx files with a changed one."""

    def words(path: Path) -> Sequence[object]:
        flags = bases.setting.flags(dataset="kuzushiji", **{"data-dir": path})
        return ("run", *flags, "--out", path.parent / "run", "--dry-run")

    def write(number: int) -> Write:
        def make(folder: Path) -> Path:
            rng = random.Random(number)
            root = write_kuzushiji(folder / "idx", train=40, test=20, zipped=bool(number % 2))
            file = rng.choice(sorted(root.iterdir()))
            file.write_bytes(changed_bytes(file.read_bytes(), rng))
            return root

        return make

    return lambda number: Input(f"idx {number}", write(number), words)


def names(bases: Bases) -> Inputs:
    """Names of files that no program expects: of weights, runs, settings and reports."""
    del bases
    commands: Sequence[Callable[[Path], Sequence[object]]] = (
        lambda path: ("run", "--arch", "squeezenet", "--weights", path, "--dry-run"),
        lambda path: ("report", path),
        lambda path: ("run", "--config", path, "--dry-run"),
        lambda path: ("verify", "--original", path, "--candidate", path, "--dataset", path),
        lambda path: ("list", "runs", path),
    )

    def make(number: int) -> Input:
        name, command = _NAMES[number % len(_NAMES)], commands[number // len(_NAMES) % len(commands)]

        def write(folder: Path) -> Path:
            path = folder / os.fsdecode(name)
            path.write_bytes(b"content")
            return path

        return Input(f"{name!r} {number}", write, command)

    return make


def _odd_files(data: bytes) -> dict[str, Callable[[Path], object]]:
    return {
        "a pipe": os.mkfifo,
        "a folder": Path.mkdir,
        "a link to itself": lambda path: path.symlink_to(path),
        "a device": lambda path: path.symlink_to("/dev/zero"),
        "nothing": lambda path: path.write_bytes(b""),
        "a TIFF": lambda path: path.write_bytes(b"II*\x00" + data),
        "a large sparse file": lambda path: os.truncate(path, 2**40) if path.write_bytes(data) else None,
    }


def _by_number(made: Mapping[str, Write], valid: Mapping[str, bytes], change: Change, words: Words) -> Inputs:
    """First the files that were made by hand, then changed ones of the valid files in turn."""
    by_hand = {**made, **{f"{what} as {name}": _odd(name, write) for name, data in valid.items()
                          for what, write in _odd_files(data).items()}}  # fmt: skip

    def make(number: int) -> Input:
        if number < len(by_hand):
            name = list(by_hand)[number]
            return Input(name, by_hand[name], words)
        name = sorted(valid)[number % len(valid)]

        def write(folder: Path) -> Path:
            path = folder / name
            path.write_bytes(change(valid[name], random.Random(number)))
            return path

        return Input(f"{name} {number}", write, words)

    return make


def _odd(name: str, write: Callable[[Path], object]) -> Write:
    def make(folder: Path) -> Path:
        write(folder / name)
        return folder / name

    return make


KINDS: Final[Mapping[str, tuple[Callable[[Bases], Inputs], int]]] = {
    "weights": (weights, 60),
    "onnx": (onnx_files, 100),
    "plans": (plans, 30),
    "reports": (reports, 40),
    "settings": (settings, 40),
    "run folders": (run_folders, 30),
    "images": (images, 25),
    "data files": (data_files, 25),
    "names": (names, 42),
}
"""The kinds of inputs, and how many of each the committed run has at least."""
