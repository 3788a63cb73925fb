"""What a kill leaves: of every file operation by a copy of the folder just before it, and by real kills."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
_WRITING = os.O_WRONLY | os.O_RDWR
_listeners: list[Callable[[], None]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if _listeners and (opens or event in _STEPS):
        _listeners[-1]()


sys.addaudithook(_hook)


@contextmanager
def before_every_file_operation(listener: Callable[[], None]) -> Iterator[None]:
    """Call ``listener`` before this process opens a file for writing, flushes, renames or deletes one."""

    def heard() -> None:
        _listeners.append(lambda: None)  # what it does itself is not heard
        try:
            listener()
        finally:
            _listeners.pop()

    flush = os.fsync

    def heard_flush(descriptor: int) -> None:
        heard()
        flush(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", heard_flush)
        _listeners.append(heard)
        try:
            yield
        finally:
            _listeners.pop()


def states_of_kills(operation: Callable[[Path], object], folder: Path, place: Path) -> Iterator[Path]:
    """Copies of a folder, in ``place``, as a kill before each file operation leaves it, and as ``operation`` does."""
    copies = []

    def copy() -> None:
        copies.append(shutil.copytree(folder, place / f"killed-{len(copies)}", symlinks=True))

    with before_every_file_operation(copy):
        operation(folder)
    copy()
    assert len(copies) > 3
    yield from copies


def kill_before(step: int, operation: Callable[[], object]) -> None:
    """Run an operation in a fork, which SIGKILL ends before its file operation number ``step``, from 0."""
    child = os.fork()
    if not child:
        left = iter(range(step))
        try:
            with before_every_file_operation(lambda: next(left, None) is None and os.kill(os.getpid(), signal.SIGKILL)):
                operation()
        finally:
            os._exit(1)  # pytest must not go on in the fork
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
