"""Hostile inputs: valid files that are changed at random, files made to harm, and names that no program expects.

A command that reads one ends with exit code 0, 2, 3, 4, 5 or 6, soon, with little memory, and prints no control
characters.
"""

import json
import random
import shutil
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from benchmarks.reliability.record import Case
from benchmarks.reliability.scenes import Scene
from compress.environment import GIB

ALLOWED: Final = (0, 2, 3, 4, 5, 6)
TIMEOUT_S: Final = 120.0
MEMORY_BYTES: Final = 4 * GIB
"""Peak of a process, with Python, torch and onnxruntime."""

Write = Callable[[Path], Path]
Words = Callable[[Path], Sequence[object]]

_ODD: Final[tuple[Any, ...]] = (
    None, True, False, -1, 0, 1, 2**31, 2**63, 10**400, -0.0, 1e308, float("nan"), float("inf"), "", "x" * 100_000,
    "\x1b]0;owned\x07\x1b[31m", "\ud800", "../../../etc/passwd", "/dev/zero", "<script>", "[/red]", [], {}, [[]],
    {"": {}}, "\x00", "\n\r", "a" * 300, [0] * 10_000, -(2**64), "1e999", "NaN",
)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """A hostile input: its name, the function that writes it into a folder, and the command that reads it."""

    name: str
    write: Write
    words: Words


class Hostile:
    """Inputs of one kind, one a case."""

    def __init__(self, inputs: Callable[[int], Input], folder: Path) -> None:
        """``inputs`` gives the input of a number."""
        self._inputs, self._scratch = inputs, folder / "victim"

    def case(self, number: int) -> Case:
        """One input."""
        hostile = self._inputs(number)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        path = hostile.write(self._scratch)
        words = tuple(map(str, hostile.words(path)))
        ended = Scene("", words, words).go(words, self._scratch, timeout=TIMEOUT_S)
        case = Case(hostile.name, steps=[f"{hostile.name}: {' '.join(words)}"[:300]])
        case.outcomes[f"exit code {ended.code}"] += 1
        case.fail_if(ended.hung, f"not done after {TIMEOUT_S:g} s")
        case.fail_if(ended.code not in ALLOWED, f"exit code {ended.code}: {ended.last_line[:300]}")
        case.fail_if(ended.outlived, "a process outlived its command")
        case.fail_if(ended.peak_bytes > MEMORY_BYTES, f"{ended.peak_bytes / GIB:.1f} GiB of memory")
        control = {one for one in ended.stdout + ended.stderr if not one.isprintable() and one not in "\n\t\u2028"}
        case.fail_if(bool(control & {"\x1b", "\x07", "\x00", "\x9b"}), f"prints control characters: {control}")
        return case


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes that are overwritten, inserted, removed, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        place, length = rng.randrange(len(changed) + 1), rng.choice((1, 1, 4, 8, 100))
        kind = rng.randrange(5)
        if kind == 0:
            changed[place : place + length] = rng.randbytes(length)
        elif kind == 1:
            changed[place:place] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
        elif kind == 2:
            del changed[place : place + length]
        elif kind == 3:
            changed[place : place + 8] = rng.choice((0, 1, 2**31, 2**63 - 1)).to_bytes(8, "little")
        elif rng.random() < 0.2:
            del changed[place:]
    return bytes(changed)


def changed_tree(value: Any, rng: random.Random, odd: Sequence[Any] = _ODD) -> Any:
    """The same tree with an odd value in a random place, or without what was there."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value, key=str))
        return _without(value, key, rng) or value | {key: changed_tree(value[key], rng, odd)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [*value[:place], changed_tree(value[place], rng, odd), *value[place + 1 :]]
    return rng.choice(odd)


def changed_json(data: bytes, rng: random.Random) -> bytes:
    """JSON with an odd value, nested ten thousand deep, or with changed bytes."""
    kind = rng.random()
    if kind < 0.1:
        return b"[" * 10_000 + data + b"]" * 10_000
    if kind < 0.3:
        return changed_bytes(data, rng)
    text = json.dumps(changed_tree(json.loads(data), rng))
    return text.encode("utf-8", "surrogatepass")


def changed_toml(data: bytes, rng: random.Random) -> bytes:
    """TOML with an odd value, nested deep, or with changed bytes."""
    kind = rng.random()
    if kind < 0.1:
        return data + b"\ndeep = " + b"[" * 5_000 + b"]" * 5_000
    if kind < 0.3:
        return changed_bytes(data, rng)
    odd = [one for one in _ODD if one is not None and one != "\ud800"]
    changed = changed_tree(tomllib.loads(data.decode()), rng, odd)
    return tomli_w.dumps(changed if isinstance(changed, dict) else {"root": changed}).encode()


def _without(value: dict[str, Any], key: str, rng: random.Random) -> dict[str, Any] | None:
    return {name: one for name, one in value.items() if name != key} if rng.random() < 0.1 else None
