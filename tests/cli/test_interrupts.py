"""The first signal asks the run to stop, the second one stops it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest

from compress.cli.interrupts import StoppedAtOnce, asked_to_stop
from compress.errors import InterruptedRun
from compress.stopping import interruptible
from tests.helpers.command import HEEDING_SIGNALS


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_recorded_the_second_raises_and_an_ignored_one_stays_ignored(number, ignored):
    handler = signal.SIG_IGN if ignored else signal.default_int_handler
    inherited = signal.signal(number, handler)
    try:
        with asked_to_stop() as should_stop:
            assert should_stop() is None
            os.kill(os.getpid(), number)
            assert should_stop() == (None if ignored else number)
            with nullcontext() if ignored else pytest.raises(StoppedAtOnce) as stop:
                os.kill(os.getpid(), number)
            assert ignored or stop.value.signal_number == number
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, inherited)


def test_where_nothing_is_lost_the_first_signal_interrupts(tmp_path):
    inherited = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    path = tmp_path / "a"

    def interrupted(should_stop):
        with interruptible(should_stop), path.open("w") as file:
            os.kill(os.getpid(), signal.SIGTERM)
            file.write("never reached")

    try:
        with asked_to_stop() as should_stop:
            with pytest.raises(InterruptedRun) as stop:
                interrupted(should_stop)
            assert stop.value.exit_code == 143
            assert path.read_text() == ""
            assert should_stop() == signal.SIGTERM
            path.unlink()
            with pytest.raises(InterruptedRun):  # it has come already
                interrupted(should_stop)
            assert not path.exists()
            with pytest.raises(StoppedAtOnce):
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, inherited)


def test_a_caller_that_cannot_interrupt_does_not(tmp_path):
    with interruptible(lambda: signal.SIGTERM):
        (tmp_path / "reached").touch()
    assert (tmp_path / "reached").exists()


def stopped(file, *signals, json=False):
    """``compress run`` of a slow network, stopped by signals: exit code, stdout, stderr."""
    command = [sys.executable, "-c", HEEDING_SIGNALS, "run", "--model", f"{file}:build", *(["--json"] if json else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        err = ""
        for number in signals:
            err += process.stderr.readline()
            process.send_signal(number)
        err += process.stderr.read()
        out = process.stdout.read()
    return process.returncode, out, err


def test_ctrl_c_before_the_run_begins_is_reported(tmp_path):
    file = tmp_path / "net.py"
    file.write_text("import time\nprint('it is read', flush=True)\ntime.sleep(60)\n")
    code, out, err = stopped(file, signal.SIGINT, json=True)
    assert code == 130
    assert err == "it is read\nstopped before anything was written\n"
    error = {"kind": "InterruptedRun", "message": "stopped before anything was written", "exit_code": 130}
    assert json.loads(out)["error"] == error


def test_the_second_signal_stops_at_once_also_in_user_code(tmp_path):
    file = tmp_path / "net.py"
    file.write_text("import time\ndef build(n):\n    print('it is called', flush=True)\n    time.sleep(60)\n")
    code, out, err = stopped(file, signal.SIGTERM, signal.SIGTERM)
    assert (code, out) == (143, "")
    assert "once more to stop at once" in err
    assert err.endswith("stopped at once; everything saved before is kept\n")
