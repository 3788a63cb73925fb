"""How the program that calls asks for a stop."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

ShouldStop = Callable[[], int | None]
"""Returns a signal's number once the work should be saved and stopped."""


class StopRequest:
    """A ``ShouldStop`` that can also interrupt: where a step is long and is made anew, its end is not waited for."""

    def __call__(self) -> int | None:
        """The number of the first signal, ``None`` so far."""
        raise NotImplementedError

    def interrupting(self) -> AbstractContextManager[None]:
        """Inside, a signal raises ``InterruptedRun`` wherever the program is."""
        raise NotImplementedError


def interruptible(should_stop: ShouldStop) -> AbstractContextManager[None]:
    """For a step that loses nothing if it is cut short: a stop that is asked for interrupts it, if the caller can."""
    return should_stop.interrupting() if isinstance(should_stop, StopRequest) else nullcontext()
