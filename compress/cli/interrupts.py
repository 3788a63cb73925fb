"""Ctrl-C once: finish the step and save. Twice: stop now."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_NOTICE = b"\nStopping after this step, then saving; once more to stop at once.\n"


class StoppedAtOnce(KeyboardInterrupt):
    """A second signal came. A user's ``except Exception`` does not catch it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], int | None]]:
    """Catch SIGINT, SIGTERM and SIGHUP: yields a function that returns the first signal's number, ``None`` so far.

    A second signal raises ``StoppedAtOnce`` wherever the program is. A signal that the process was started to ignore
    stays ignored: ``nohup`` protects a run from SIGHUP, a script starts background jobs with SIGINT ignored.
    """
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if received:
            raise StoppedAtOnce(number)
        received.append(number)
        with suppress(OSError):  # the terminal may have gone
            os.write(2, _NOTICE)  # not print: the handler may interrupt one

    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
