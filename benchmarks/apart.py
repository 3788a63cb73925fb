"""Call a function in a process of its own, with limits on time and memory."""

import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch

from compress.environment import GIB
from exporters.errors import is_out_of_memory


@dataclass(frozen=True)
class Limits:
    """Limits of one process: seconds, and GiB of address space."""

    seconds: int
    memory_gib: float


class OverLimitError(Exception):
    """The function needs more time or memory than it may have."""


class CrashedError(Exception):
    """The function raised an error."""


def call_apart(function: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits) -> Any:
    """What a function returns in a fork of this process, which has imported everything and computed nothing.

    OverLimitError or CrashedError if it returns nothing.
    """
    forked = multiprocessing.get_context("fork")
    here, there = forked.Pipe(duplex=False)
    process = forked.Process(target=_call, args=(function, arguments, limits, there))
    process.start()
    there.close()
    try:
        if not here.poll(limits.seconds):
            raise OverLimitError(f"not done within {limits.seconds} seconds")
        answer = here.recv()
    except EOFError:  # the process was killed
        raise OverLimitError(f"not done within {limits.memory_gib:g} GiB of memory") from None
    finally:
        process.kill()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], limits: Limits, answer: Connection) -> None:
    limit = int(limits.memory_gib * GIB)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    torch.set_num_threads(1)
    try:
        answer.send(function(*arguments))
    except Exception as error:  # a bug of compress is a result
        reason = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        if is_out_of_memory(reason):
            answer.send(OverLimitError(f"not done within {limits.memory_gib:g} GiB of memory"))
        else:
            answer.send(CrashedError(reason))
