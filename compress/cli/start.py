"""Where the process begins: what has to hold before the command line is imported."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line. Ctrl-C ends it without a traceback, also while it is imported and while it ends."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, _stop_now)
    _open_standard_streams()
    from compress.cli import main as command_line

    try:
        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command_line.main()
    finally:
        if heeded:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to stop


def _stop_now(number: int, _frame: FrameType | None) -> None:
    """End at once: an exception would get lost in the imports, and nothing has begun."""
    os.write(2, b"stopped before anything was written\n")
    os._exit(128 + number)


def _open_standard_streams() -> None:
    """Open those that are closed: a file of the run would take their number, and get what libraries print."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdin, sys.stdout, sys.stderr = (
        stream or open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, (stream, mode) in enumerate(((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w")))
    )
