"""Ctrl-C once: finish the step and save, or stop now where nothing is lost by that. Twice: stop now."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from compress.errors import InterruptedRun
from compress.stopping import StopRequest

_NOTICE = b"\nStopping after this step, then saving; once more to stop at once.\n"


class StoppedAtOnce(KeyboardInterrupt):
    """A second signal came. A user's ``except Exception`` does not catch it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class _Signals(StopRequest):
    """Receives the signals. The first is noted, or interrupts; the second always interrupts."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._interrupts = False

    def __call__(self) -> int | None:
        """The number of the first signal, ``None`` so far."""
        return self._first

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Inside, a signal raises ``InterruptedRun`` wherever the program is, at the beginning if it has come."""
        if self._first is not None:
            raise InterruptedRun("stopped", signal_number=self._first)
        self._interrupts = True
        try:
            yield
        except StoppedAtOnce as stop:
            raise InterruptedRun("stopped", signal_number=stop.signal_number) from None
        finally:
            self._interrupts = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Receive a signal."""
        if self._first is not None:
            raise StoppedAtOnce(number)
        self._first = number
        if self._interrupts:
            raise StoppedAtOnce(number)
        with suppress(OSError):  # the terminal may have gone
            os.write(2, _NOTICE)  # not print: the handler may interrupt one


@contextmanager
def asked_to_stop() -> Iterator[StopRequest]:
    """Catch SIGINT, SIGTERM and SIGHUP: yields what returns the first signal's number, ``None`` so far.

    A second signal raises ``StoppedAtOnce`` wherever the program is. A signal that the process was started to ignore
    stays ignored: ``nohup`` protects a run from SIGHUP, a script starts background jobs with SIGINT ignored.
    """
    signals = _Signals()
    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, signals.handle) for number in heeded}
    try:
        yield signals
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """For a command that saves nothing on the way: the first SIGINT, SIGTERM or SIGHUP raises ``InterruptedRun``."""
    with asked_to_stop() as should_stop, should_stop.interrupting():
        yield
