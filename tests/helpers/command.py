"""The real command line, in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def compress(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``compress`` to its end."""
    command = [sys.executable, "-m", "compress", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=_environment())


def compress_until(line: str, number: signal.Signals, *arguments: object) -> tuple[int, str]:
    """Run ``compress`` until it writes ``line`` to stderr, then send it a signal.

    Returns:
        Its exit code (minus the signal where that ended it), and its stderr.
    """
    command = [sys.executable, "-m", "compress", *map(str, arguments)]
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


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
