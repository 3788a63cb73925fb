"""Victims: ``compress`` in forks of this process, killed at a time or at a file operation.

The parent has imported torch and has computed nothing, so no thread pool is lost in a fork, and a victim starts in
milliseconds. Files are counted as the victim changes them; reading is not counted, as a kill there changes nothing.
"""

import builtins
import errno
import io
import mmap
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

OPERATIONS: Final = ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "link", "symlink", "fsync", "truncate")
When = Literal["before", "after", "torn"]
PATIENCE_S: Final = 10.0
"""A worker has to end this long after its run was killed."""


@dataclass(frozen=True)
class Kill:
    """Where a victim dies: after ``seconds``, at file operation ``number``, or at one whose path has ``inside``.

    ``torn`` is a kill before a file is synced that leaves half of it, as a power cut can. With SIGTERM as ``signal``
    the victim is asked to stop, and goes on until it has. With an ``error`` it lives, and from then on every operation
    that needs the disk fails with that number.
    """

    number: int = 0
    when: When = "before"
    seconds: float = 0.0
    inside: str = ""
    signal: int = signal.SIGKILL
    error: int = 0

    def __str__(self) -> str:
        name = errno.errorcode[self.error] if self.error else signal.Signals(self.signal).name
        if self.seconds:
            return f"{name} after {self.seconds:.3f} s"
        return f"{name} {self.when} file operation {self.number or f'in {self.inside}'}"


@dataclass(frozen=True)
class Ended:
    """How a victim ended: its exit code or ``None`` if it was killed, what it wrote, and what it left running."""

    code: int | None
    stdout: str
    stderr: str
    operations: int
    seconds: float
    peak_bytes: int = 0
    hung: bool = False
    outlived: bool = False

    @property
    def last_line(self) -> str:
        """What it said last."""
        return (self.stderr.strip().splitlines() or [""])[-1]


def call(work: Callable[[], int], scratch: Path, *, kill: Kill | None = None, timeout: float = 300.0) -> Ended:
    """Call ``work`` in a fork, with ``scratch`` for its temporary files, and kill it there; its value is the code."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    alive, held = os.pipe()  # the victim and its workers hold one end: it closes with the last of them
    counter = mmap.mmap(-1, 8)
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        os.close(alive)
        _be_victim(work, scratch, kill, counter)
    os.close(held)
    if kill and kill.seconds and not _ends(pid, kill.seconds):
        os.kill(pid, kill.signal)
    hung = not _ends(pid, timeout)
    if hung:
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    seconds = time.monotonic() - began
    outlived = not select.select([alive], [], [], PATIENCE_S)[0]
    os.close(alive)
    if outlived:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    stdout, stderr = ((scratch / name).read_text(errors="replace") for name in ("stdout", "stderr"))
    operations = int.from_bytes(counter[:], "little")
    peak = 1024 * used.ru_maxrss
    return Ended(None if code == -signal.SIGKILL else code, stdout, stderr, operations, seconds, peak, hung, outlived)


def run_command(words: Sequence[object]) -> int:
    """``compress`` with these words in this process; its exit code."""
    from compress.cli.main import main

    sys.argv = ["compress", *map(str, words)]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("main returns by SystemExit")


def _ends(pid: int, seconds: float) -> bool:
    """Whether the victim ends within ``seconds``; its status is not taken."""
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _be_victim(work: Callable[[], int], scratch: Path, kill: Kill | None, counter: mmap.mmap) -> None:
    """Never returns."""
    code = 99
    try:
        os.setsid()
        for number, name in ((1, "stdout"), (2, "stderr")):
            descriptor = os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, number)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(number, "w"), "utf-8", write_through=True) for number in (1, 2)
        )
        os.chdir(scratch)
        os.environ["TMPDIR"] = str(scratch / "tmp")
        tempfile.tempdir = None
        _watch_operations(kill, counter, scratch)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
        os._exit(code)


def _watch_operations(kill: Kill | None, counter: mmap.mmap, scratch: Path) -> None:
    """Count the operations that change files beside ``scratch`` or in it, and die at the one that ``kill`` names."""
    me, under, done = os.getpid(), str(scratch.parent), 0

    def watched(real: Callable[..., Any], changes: Callable[..., bool], *, needs_disk: bool) -> Callable[..., Any]:
        def operate(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            path = _path_of(arguments[0])
            if os.getpid() != me or not path.startswith(under) or not changes(*arguments, **options):
                return real(*arguments, **options)
            done += 1
            counter[:] = done.to_bytes(8, "little")
            if kill is not None and kill.error and done >= kill.number and needs_disk:
                raise OSError(kill.error, os.strerror(kill.error), path)
            if kill is None or kill.error or not (done == kill.number or (kill.inside and kill.inside in path)):
                return real(*arguments, **options)
            if kill.when == "after":
                with suppress(OSError):
                    real(*arguments, **options)
            elif kill.when == "torn" and isinstance(arguments[0], int) and os.path.isfile(path):
                os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
            os.kill(me, kill.signal)
            return None if kill.when == "after" else real(*arguments, **options)  # asked to stop, it goes on

        return operate

    for name in OPERATIONS:
        needs_disk = name not in ("unlink", "remove", "rmdir")
        setattr(os, name, watched(getattr(os, name), lambda *_, **__: True, needs_disk=needs_disk))
    io.open = builtins.open = watched(builtins.open, _writes, needs_disk=True)
    os.open = watched(os.open, lambda _path, flags, *_, **__: bool(flags & os.O_CREAT), needs_disk=True)


def _writes(_file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return any(letter in mode for letter in "wax+")


def _path_of(named: Any) -> str:
    """Path of a path or a descriptor; relative ones are those of folders that are being removed."""
    if isinstance(named, int):
        return os.readlink(f"/proc/self/fd/{named}")
    path = os.fspath(named)
    return os.path.abspath(path.decode() if isinstance(path, bytes) else path)
