"""Keep other programs out of a timing: hold the process on cores of its own, and count its interruptions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def interruptions() -> int:
    """Times so far that another process took this one's processor; 0 where the system does not count them."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@contextmanager
def held_on(cores: Sequence[int]) -> Iterator[bool]:
    """Keep this thread, and the threads it starts meanwhile, on these cores; then as before.

    Open a session inside: onnxruntime's workers stay where they were started. Yields whether the thread is
    held: not with no cores, nor where the system refuses.
    """
    if not cores:
        yield False
        return
    before, held = os.sched_getaffinity(0), False
    with suppress(OSError):  # a core was taken from this process since they were listed
        os.sched_setaffinity(0, cores)
        held = True
    try:
        yield held
    finally:
        os.sched_setaffinity(0, before)


def core_sets(threads: int, *, topology: Path = Path("/sys/devices/system/cpu")) -> tuple[tuple[int, ...], ...]:
    """Every choice of ``threads`` neighbouring cores that this process may use; each core is first in one of them.

    One hyper-thread of a core, since two share its units. A comparison uses another set in every round, since
    a core that another program is using would slow every timing. Empty where the system has no affinity
    (macOS) or has fewer cores than threads: the scheduler then does better.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    usable = sorted(os.sched_getaffinity(0))
    first_of_core: dict[str, int] = {}
    for processor in usable:
        core = f"cpu{processor}"
        with suppress(OSError):  # not described: a core of its own
            core = (topology / core / "topology" / "thread_siblings_list").read_text().strip()
        first_of_core.setdefault(core, processor)
    cores = [*first_of_core.values()] if len(first_of_core) >= threads else usable
    if len(cores) < threads:
        return ()
    starts = range(1 if len(cores) == threads else len(cores))
    return tuple(tuple(cores[(first + step) % len(cores)] for step in range(threads)) for first in starts)
