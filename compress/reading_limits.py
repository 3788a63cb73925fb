"""Limits for reading a file from elsewhere: a small file may ask for any amount of memory and time.

A pickle copies one text a million times in a megabyte, a zip archive unpacks to a thousand times its size.
"""

import signal
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final

import psutil

from compress.errors import BadInputError, EnvironmentProblem
from exporters.errors import is_out_of_memory

_TIMES_SIZE: Final = 4
_SPARE_BYTES: Final = 2**31
_SPARE_SECONDS: Final = 20
_BYTES_A_SECOND: Final = 20_000_000
_MAX_UNPACKED: Final = 4  # times the size of the archive


class _TakesTooLongError(Exception):
    """Raised by a timer inside of the reader."""


@contextmanager
def reading_limits(path: Path | str, *, size: int) -> Iterator[None]:
    """Limit what the block may take to read ``size`` bytes: four times as much, and 2 GiB; 20 s, and 50 s a gigabyte.

    Memory is limited on Linux, time (of the processor) in the main thread: elsewhere systems or Python have no means.

    Raises:
        BadInputError: it takes more.
        EnvironmentProblem: the file is larger than the memory that is free.
    """
    free = psutil.virtual_memory().available
    if size > free:
        raise EnvironmentProblem(f"expected {size / 2**30:.1f} GiB of free memory for {path}, got {free / 2**30:.1f}")
    memory, seconds = _TIMES_SIZE * size + _SPARE_BYTES, _SPARE_SECONDS + size / _BYTES_A_SECOND
    fault = f"{path} is refused: for its {size:,} bytes, reading it takes more than"
    try:
        with _memory_limit(memory), _time_limit(seconds):
            yield
    except _TakesTooLongError:
        raise BadInputError(f"{fault} {seconds:.0f} s") from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(str(error)):
            raise
        raise BadInputError(f"{fault} {memory / 2**30:.1f} GiB of memory") from None


def check_packing(file: Path | BinaryIO, *, size: int) -> None:
    """Refuse an archive of ``size`` bytes that unpacks to much more: ``torch.save`` compresses nothing. ValueError."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _MAX_UNPACKED * size:
        raise ValueError(f"it unpacks to {unpacked:,} bytes, more than {_MAX_UNPACKED} times its own")


@contextmanager
def _memory_limit(bytes_: int) -> Iterator[None]:
    """Let this process take so many bytes more at most; ``MemoryError`` beyond."""
    if sys.platform != "linux":
        yield
        return
    import resource  # Unix alone has it

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([psutil.Process().memory_info().vms + bytes_, *limits]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block once this process has computed for so long."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    too_late = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal too_late
        too_late = True
        raise _TakesTooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)  # again every second: a reader may swallow an error
    try:
        yield
    finally:
        with suppress(_TakesTooLongError):
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
    if too_late:  # a reader swallowed the error and came to its end
        raise _TakesTooLongError
