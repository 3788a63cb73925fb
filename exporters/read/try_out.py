"""Try an ONNX file from elsewhere in a process of its own: ``python -m exporters.read.try_out``.

A file can ask for any time and any memory: a loop of 2^62 turns, functions that call each other twice on each of 30
levels, an array of 40 GB. So it is first opened and called where both are limited. Linux keeps both limits, macOS that
of time, Windows neither: there only the clock counts.
"""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from onnxruntime import (
    OrtAllocatorType,
    OrtArenaCfg,
    OrtMemoryInfo,
    OrtMemType,
    SessionOptions,
    create_and_register_allocator,
)

from exporters import errors
from exporters.errors import ExportError, MachineError, OnnxFileError, kind_of, reason_of
from exporters.read.classifier import open_session
from exporters.read.cost import count_cost
from exporters.read.session import run_logits, session_options
from exporters.read.signature import MOST_PIXELS, Layout, signature_of

SECONDS: Final = 15
"""Processor time to open a small file, call it and count its costs; a GiB of weights has four times as much more."""
MEMORY: Final = 3 * 2**30
"""Bytes for a small file; less where the machine has less left."""

_SHARE: Final = 0.8  # of the memory that is left
_SECONDS_AN_IMAGE: Final = 2  # more, of a file that takes a fixed batch and so cannot be called with fewer
_MOST_SECONDS_FOR_BATCH: Final = 600
_COPIES: Final = 8  # of the file in memory: as read, parsed, written again and in onnxruntime, some twice for a moment
_NO_MEMORY: Final = "close other programs, or use a machine with more memory"
_MANY_IMAGES: Final = 64
# What a call with many images may take: bytes, and times the images' own size, of which a wide feature map has 20.
_FOR_A_BATCH, _TIMES_A_BATCH = 2 * 2**30, 100
_MOST_FOR_BATCH: Final = 8 * 2**30  # more than ``MEMORY``, of a file that takes a fixed batch
_SECONDS_FOR_MANY: Final = 3.0
_PATIENCE: Final = 10  # times as long on the clock, should the machine be busy


@dataclass(frozen=True)
class Trial:
    """What a file's shapes may leave free, the image size in pixels, and the limits in seconds and bytes."""

    path: str
    layout: Layout | None
    channels: int | None
    image_size: int | None
    seconds: int
    memory: int


def try_out(
    path: Path, *, layout: Layout | None = None, channels: int | None = None, image_size: int | None = None
) -> bool:
    """Open a file and, if its image size is known, call it and count its costs; return whether it was called.

    ``layout``, ``channels`` and ``image_size`` are for files that leave them free. A file that has not changed since
    it was tried in the same way is not tried again. OnnxFileError if it exceeds the limits of time or memory, or
    crashes onnxruntime; MachineError if memory ends that it may well need; other errors are those of
    ``open_session``, ``run_logits`` and ``count_cost``.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        state: tuple[int, ...] = (0,)  # opening it tells what is wrong
    else:
        state = (status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)
    return _try_once(path, layout, channels, image_size, state)


@lru_cache(maxsize=64)
def _try_once(
    path: Path, layout: Layout | None, channels: int | None, image_size: int | None, state: tuple[int, ...]
) -> bool:
    size, given = state[0], (layout, channels, image_size)
    reasonable, free = MEMORY + _COPIES * size, int(_SHARE * psutil.virtual_memory().available)
    memory = min(reasonable, free)
    trial = Trial(str(path.absolute()), *given, seconds=SECONDS + 4 * SECONDS * size // 2**30, memory=memory)
    share = f"{trial.seconds} s of a processor and {memory / 2**30:.1f} GiB of memory"
    expected = f"expected an image classifier that opens and answers within {share}, {path}"
    answer = _in_its_own_process(trial, expected)
    if "called" in answer:
        return bool(answer["called"])
    kind, message = getattr(errors, answer["error"]), answer["message"].replace(trial.path, str(path))
    if kind is MachineError and kind_of(message) is MachineError:
        if free < reasonable and not _asks_for_more(message, than=reasonable):
            raise MachineError(f"{path} may need {reasonable / 2**30:.1f} GiB of memory: {message}; {_NO_MEMORY}")
        raise OnnxFileError(f"{expected} needs more: {message}")
    raise kind(message if str(path) in message else f"{path}: {message}")


def _asks_for_more(message: str, *, than: int) -> bool:
    """Whether onnxruntime says that it asked for more bytes at once."""
    asked = re.search(r"requested buffer of size (\d+)", message)
    return asked is not None and int(asked[1]) > than


def _in_its_own_process(trial: Trial, expected: str) -> dict[str, Any]:
    """What ``_answer`` gives there."""
    command = [sys.executable, "-m", "exporters.read.try_out", json.dumps(asdict(trial))]
    home = Path(__file__).parents[2]  # where `exporters` is found even if it is not installed
    seconds = _PATIENCE * trial.seconds + _MOST_SECONDS_FOR_BATCH
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise MachineError(f"{expected} had no answer after {seconds} s; is the machine busy?") from None
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        raise OnnxFileError(f"{expected} takes longer; is it one? Try another export, with a batch that is free or 1")
    if done.returncode == -getattr(signal, "SIGKILL", 0):
        raise MachineError(f"{expected}, was killed, most often because memory ran out; {_NO_MEMORY}")
    if done.returncode < 0:
        raise OnnxFileError(f"{expected} ends the process that tries it with signal {-done.returncode}; is it damaged?")
    if done.returncode > 0:
        reason = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise OnnxFileError(f"{expected} fails: {reason:.500}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _answer(trial: Trial) -> dict[str, Any]:
    """Whether the file was called, or the error's class and message."""
    try:
        return {"called": _open_and_call(trial)}
    except ExportError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError as error:
        return {"error": MachineError.__name__, "message": f"{type(error).__name__} {reason_of(error)}"}


def _open_and_call(trial: Trial) -> bool:
    """The first steps of ``compress verify``: open, call with one image and with many, count the costs."""
    path = Path(trial.path)
    session = open_session(path, threads=1, options=_reserving_little())
    signature = signature_of(session, layout=trial.layout, channels=trial.channels, source=str(path))
    height, width = signature.height or trial.image_size, signature.width or trial.image_size
    if height is None or width is None:
        return False
    random, began = np.random.default_rng(0), time.process_time()

    def images(count: int) -> np.ndarray:
        return signature.random_images(random, batch_size=count, image_size=trial.image_size)

    first = images(signature.batch or 1)
    if signature.batch is not None:
        _limit_memory(trial.memory + min(_TIMES_A_BATCH * first.nbytes, _MOST_FOR_BATCH))
        more = min(_SECONDS_AN_IMAGE * (signature.batch - 1), _MOST_SECONDS_FOR_BATCH)
        _limit("RLIMIT_CPU", trial.seconds + more)
    run_logits(session, first)
    if signature.batch is None:
        in_time = int(_SECONDS_FOR_MANY / max(time.process_time() - began, 1e-3))
        batch = images(max(1, min(_MANY_IMAGES, MOST_PIXELS // (height * width), in_time)))
        _limit_memory(min(trial.memory, _FOR_A_BATCH + _TIMES_A_BATCH * batch.nbytes))
        run_logits(session, batch)
        _limit_memory(trial.memory)  # again: costs are counted on a copy of the file
    count_cost(path, image_size=trial.image_size, signature=signature)
    return True


def _reserving_little() -> SessionOptions:
    """Options of a session whose memory grows by what it needs: onnxruntime would double it, and that counts, too."""
    place = OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, OrtMemType.DEFAULT)
    by_need = OrtArenaCfg(0, 1, -1, -1)  # no limit, grow as requested, two defaults
    create_and_register_allocator(place, by_need)
    options = session_options(threads=1)
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


def _limit_self(trial: Trial) -> None:
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_CPU", trial.seconds)
    _limit_memory(trial.memory)
    with suppress(OSError):  # Linux: should the machine's memory end, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit_memory(more: int) -> None:
    """``more`` bytes than now: libraries reserve much for threads on many cores."""
    _limit("RLIMIT_AS", psutil.Process().memory_info().vms + more)


def _limit(name: str, wanted: int) -> None:
    if find_spec("resource") is None:  # Windows
        return
    import resource

    kind = getattr(resource, name)
    _soft, hard = resource.getrlimit(kind)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)  # nobody may raise the hard limit
    with suppress(ValueError, OSError):  # macOS refuses some
        resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    _trial = Trial(**json.loads(sys.argv[1]))
    _limit_self(_trial)
    sys.stdout.write(json.dumps(_answer(_trial)))
