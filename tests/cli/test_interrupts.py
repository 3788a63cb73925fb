"""One signal asks, a second one stops."""

import os
import signal
import subprocess
import sys

import pytest

from compress.cli.interrupts import asked_to_stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_only_noted(number):
    before = signal.getsignal(number)
    with asked_to_stop() as should_stop:
        assert should_stop() is None
        os.kill(os.getpid(), number)
        assert should_stop() == number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_stops_at_once_with_its_code(number):
    code = (
        "import os, signal\n"
        "from compress.cli.interrupts import asked_to_stop\n"
        "with asked_to_stop() as should_stop:\n"
        f"    os.kill(os.getpid(), {int(signal.SIGTERM)})\n"
        "    print('still running', flush=True)\n"
        f"    os.kill(os.getpid(), {int(number)})\n"
        "    print('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number
    assert done.stdout == "still running\n"
    assert "once more to stop at once" in done.stderr
