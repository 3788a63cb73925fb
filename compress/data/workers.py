"""Batches are read ahead, by processes of their own."""

import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compress.errors import BadInputError, EnvironmentProblem

MOST_WORKERS: Final = 8
BATCHES_A_WORKER: Final = 8
_IN_FLIGHT = 3  # batches of a worker: one being read, two waiting (``prefetch_factor``)

ReadBatch = Callable[[NDArray[np.int64]], Tensor]
"""Reads the images at these places, int64 [B]; may raise ``BadInputError``."""


@dataclass(frozen=True)
class Reading:
    """How batches are read.

    Attributes:
        workers: processes that read; 0 reads in this one, ``None`` decides pass by pass. They change
            nothing but the speed.
        batch_bytes: bytes of a batch.
    """

    workers: int | None
    batch_bytes: int


def read_batches(read: ReadBatch, plan: Sequence[NDArray[np.int64]], how: Reading) -> Iterator[Tensor]:
    """Read the batches of a plan, in its order.

    Args:
        read: reads one; workers get a copy of it.
        plan: the batches, each the places of its images.
        how: by how many processes.

    Raises:
        BadInputError: as ``read`` raises it.
        EnvironmentProblem: a process that read was killed.
    """
    workers = usual_workers(len(plan), batch_bytes=how.batch_bytes) if how.workers is None else how.workers
    loader = DataLoader(
        _Batches(read),
        batch_sampler=[indices.tolist() for indices in plan],
        num_workers=min(workers, len(plan)),
        collate_fn=_as_it_is,
        worker_init_fn=_ignore_interrupts,
        generator=torch.Generator(),  # else every pass would draw from torch's own: a resume would differ
    )
    try:
        for batch in _started(loader):
            if isinstance(batch, BadInputError):
                raise batch
            yield batch
    except (RuntimeError, OSError, EOFError) as error:  # a worker that dies tears at its pipes
        if not loader.num_workers:
            raise
        raise EnvironmentProblem(
            f"a process that read images was killed, mostly for want of memory ({error}; shared memory: "
            f"{_shared_memory() / 2**20:,.0f} MiB free); try fewer --workers: 0 needs no shared memory"
        ) from error


def _started(loader: DataLoader[Tensor | BadInputError]) -> Iterator[Tensor | BadInputError]:
    """The loader's iterator: it notices itself, within seconds, that a worker is gone.

    Torch's handler of dead children, which it sets on the way, would raise in the middle of anything.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    iterator = iter(loader)
    signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
    return iterator


def usual_workers(batches: int, *, batch_bytes: int) -> int:
    """How many processes shall read, where nobody said.

    Half as many as torch has threads: reading a picture costs less than training on it. None for a short
    pass, for a process takes as long to start as it takes to read some batches; and no more than fit into
    the memory that processes share, of which containers have little.

    Args:
        batches: of the pass.
        batch_bytes: bytes of a batch's pixels.
    """
    fit = _shared_memory() // (_IN_FLIGHT * batch_bytes)
    return min(torch.get_num_threads() // 2, MOST_WORKERS, batches // BATCHES_A_WORKER, fit)


def _shared_memory() -> int:
    """Free bytes of it."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:  # no such limit here
        return sys.maxsize


@dataclass(frozen=True, eq=False)
class _Batches(Dataset[Tensor | BadInputError]):
    """What the workers hold."""

    read: ReadBatch

    def __getitems__(self, places: list[int]) -> Tensor | BadInputError:
        """A batch, or what is wrong with it: a worker that raised would have its traceback put into the message."""
        try:
            return self.read(np.array(places))
        except BadInputError as error:
            return error


def _as_it_is(batch: Any) -> Any:
    return batch


def _ignore_interrupts(worker: int) -> None:  # noqa: ARG001
    """Ctrl-C reaches the whole group; the run finishes its step first, so its workers must live on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
