"""The real command line: in this process, or in one of its own where the process is what is tested."""

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from compress.cli.main import main

ROOT = Path(__file__).parents[2]


Done = subprocess.CompletedProcess[str]
"""A command that has ended."""


def compress(*arguments: object, cwd: Path | None = None) -> Done:
    """Run ``compress`` to its end in this process, which saves the seconds that importing torch takes."""
    stdout, stderr, threads = io.StringIO(), io.StringIO(), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(sys, "argv", ["compress", *map(str, arguments)])
        patch.setattr(sys, "path", list(sys.path))
        if cwd is not None:
            patch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            main()
    torch.set_num_threads(threads)
    return Done(arguments, ended.value.code or 0, stdout.getvalue(), stderr.getvalue())


def compress_process(*arguments: object, cwd: Path | None = None) -> Done:
    """Run ``compress`` to its end in a process of its own."""
    command = [sys.executable, "-m", "compress", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=_environment())


def compress_until(line: str, number: signal.Signals, *arguments: object) -> tuple[int, str]:
    """Run ``compress`` until it writes ``line`` to stderr, then send a signal: exit code (or minus it), stderr."""
    command = [sys.executable, "-c", HEEDING_SIGNALS, *map(str, arguments)]
    seen = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as p:
        assert p.stderr is not None
        for written in p.stderr:
            seen.append(written)
            if line in written:
                p.send_signal(number)
                break
        seen += p.stderr
    return p.returncode, "".join(seen)


HEEDING_SIGNALS = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
runpy.run_module("compress", run_name="__main__", alter_sys=True)
"""
"""``compress`` for ``python -c``, with the usual handlers: jobs in a script's background start with SIGINT ignored."""


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
