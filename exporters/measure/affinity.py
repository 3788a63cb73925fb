"""Hold the process on as many cores as it has threads, so that a timing is not cut by a move to another core.

Which cores: one hyper-thread of a core, since two share its units; and another set for every round of
a comparison, since a core that something else is using would slow every timing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


@contextmanager
def held_on(cores: Sequence[int]) -> Iterator[bool]:
    """Keep this thread, and the threads it starts meanwhile, on these cores; then as before.

    Open a session inside: onnxruntime's workers stay where they were started.

    Args:
        cores: the operating system's numbers; none leaves everything as it is.

    Yields:
        Whether the thread is held: not without cores, nor where the system refuses.
    """
    if not cores:
        yield False
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores)
    except OSError:  # taken away since they were listed
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def core_sets(threads: int, *, topology: Path = _TOPOLOGY) -> tuple[tuple[int, ...], ...]:
    """Every choice of ``threads`` neighbouring cores that this process may use.

    Args:
        threads: cores in a set.
        topology: where the system describes its processors.

    Returns:
        The sets, each core first in one of them. None where the system has no affinity (macOS), or
        fewer cores than threads: there, pinning would only take away what the scheduler can use.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    usable = sorted(os.sched_getaffinity(0))
    cores = [group[0] for group in _by_core(usable, topology)]
    if len(cores) < threads:
        cores = usable
    if len(cores) < threads:
        return ()
    if len(cores) == threads:
        return (tuple(cores),)
    return tuple(tuple(cores[(first + step) % len(cores)] for step in range(threads)) for first in range(len(cores)))


def _by_core(processors: Sequence[int], topology: Path) -> list[list[int]]:
    """The processors grouped by the core they are hyper-threads of; each its own where nothing is said."""
    groups: dict[str, list[int]] = {}
    for processor in processors:
        siblings = topology / f"cpu{processor}" / "topology" / "thread_siblings_list"
        try:
            key = siblings.read_text().strip()
        except OSError:
            key = f"cpu{processor}"
        groups.setdefault(key, []).append(processor)
    return list(groups.values())
