"""Batches read ahead by worker processes."""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_convert

from compress.errors import BadInputError, EnvironmentProblem

MAX_WORKERS: Final = 8
MIN_BATCHES_PER_WORKER: Final = 8
_SECONDS_BETWEEN_LOOKS = 0.5
_LONGEST_TEMPORARY_FOLDER = 70
"""Bytes. Workers pass batches through sockets in it, whose paths have at most 103 bytes; without them reading hangs."""

_BATCHES_IN_FLIGHT = 3  # of a worker: one being read, two waiting (``prefetch_factor``)

_AT_ONCE = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no SIGKILL, and no handlers that are inherited
ReadBatch = Callable[[NDArray[np.int64]], Tensor]


def read_batches(
    read: ReadBatch, plan: Sequence[NDArray[np.int64]], *, workers: int | None, batch_bytes: int
) -> Iterator[Tensor]:
    """Read the batches of a plan (the places int64 [B] of their images), in its order.

    ``workers`` processes each get a copy of ``read``; 0 reads in this process, ``None`` means ``default_workers``. The
    batches are the same. ``read`` may raise ``BadInputError``; a worker that was killed is an ``EnvironmentProblem``.
    """
    if workers is None:
        workers = default_workers(len(plan), batch_bytes=batch_bytes)
    elif workers and not _sockets_fit():
        raise EnvironmentProblem(
            f"{tempfile.gettempdir()}: expected a folder for temporary files whose path has at most "
            f"{_LONGEST_TEMPORARY_FOLDER} bytes, for the sockets of workers; try another TMPDIR, or --workers 0"
        )
    loader = DataLoader(
        _Batches(read),
        batch_sampler=[indices.tolist() for indices in plan],
        num_workers=min(workers, len(plan)),
        collate_fn=default_convert,  # the batch as it is
        worker_init_fn=_start_worker,
        generator=torch.Generator(),  # otherwise every pass would draw from torch's generator: a resume would differ
    )
    try:
        for batch in _iterate(loader):
            if isinstance(batch, BadInputError):
                raise batch
            yield batch
    except (RuntimeError, OSError, EOFError) as error:  # a dying worker breaks its pipes
        if not loader.num_workers:
            raise
        raise EnvironmentProblem(
            f"a process that read images was killed, most often because memory ran out ({error}; shared memory: "
            f"{_shared_memory() / 2**20:,.0f} MiB free); try fewer --workers: 0 needs no shared memory"
        ) from error


def _iterate(loader: DataLoader[Tensor | BadInputError]) -> Iterator[Tensor | BadInputError]:
    """The loader's iterator, without torch's SIGCHLD handler, which could raise anywhere in the program.

    The iterator itself notices a dead worker within seconds.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    iterator = iter(loader)
    signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
    return iterator


def default_workers(batches: int, *, batch_bytes: int) -> int:
    """Number of worker processes for a pass: half of torch's threads, as reading an image costs less than training.

    None for a short pass, as a process takes as long to start as to read some batches; no more than shared memory
    holds, as containers have little.
    """
    if not _sockets_fit():
        return 0
    fit = _shared_memory() // (_BATCHES_IN_FLIGHT * batch_bytes)
    return min(torch.get_num_threads() // 2, MAX_WORKERS, batches // MIN_BATCHES_PER_WORKER, fit)


def _sockets_fit() -> bool:
    return len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_TEMPORARY_FOLDER


def _shared_memory() -> int:
    """Free bytes."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:  # this system has no such limit
        return sys.maxsize


@dataclass(frozen=True, eq=False)
class _Batches(Dataset[Tensor | BadInputError]):
    read: ReadBatch

    def __getitems__(self, places: list[int]) -> Tensor | BadInputError:
        """A batch, or its error as a value: torch would add a worker's traceback to a raised error's message."""
        try:
            return self.read(np.array(places))
        except BadInputError as error:
            return error


def _start_worker(worker: int) -> None:  # noqa: ARG001
    """In a worker: Ctrl-C reaches all processes, and the run needs its workers to finish its step; then they end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_run, daemon=True).start()


def _end_with_run() -> None:
    """End this process soon after the run, however that ended: it would keep memory and the run's lock.

    The run may not be the process above this one, which is a server with the start method of that name; but such a
    server ends with the run.
    """
    run, above = multiprocessing.parent_process(), os.getppid()
    while run is not None and run.is_alive() and os.getppid() == above:
        run.join(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), _AT_ONCE)  # SIGTERM would meet the run's handler, which is inherited
