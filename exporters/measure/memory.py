"""Peak memory of a file in onnxruntime, measured in a process of its own: ``python -m exporters.measure.memory``.

The process opens the file as an application would, by its path, without the checks of
``exporters.read.session`` (which hold a second copy of the weights for a moment).
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession

from exporters.errors import MachineError, kind_of
from exporters.measure.calls import RunnableFile, calls_of
from exporters.read.onnx_file import read_onnx
from exporters.read.session import providers_of, session_options
from exporters.write.scratch import scratch_folder

_SECONDS = 120
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryUse:
    """Memory that opening a file and classifying one batch adds to a process.

    ``peak_bytes`` is its highest resident memory, less the highest before it opened the file.
    """

    batch_size: int
    threads: int
    peak_bytes: int


def measure_memory(file: RunnableFile, *, batch_size: int = 1, threads: int = 1) -> MemoryUse | None:
    """The memory of a fresh process that opens a file and classifies one batch; ``None`` on Windows.

    Errors are those of ``calls_of``; CallError also if it fails on the images, MachineError if the process was
    killed, had too little memory or took longer than two minutes.
    """
    if find_spec("resource") is None:
        return None
    path, images = file.path, calls_of(file, batch_size=batch_size, seed=0).images
    task = {"path": str(path.resolve()), "threads": threads, "shape": images.shape, "dtype": images.dtype.name}
    task["provider"] = file.provider
    content = read_onnx(path)
    with scratch_folder() as folder:
        if content.external:  # onnxruntime cannot open every file with external weights
            whole = folder / path.name
            whole.write_bytes(content.data)
            task["path"] = str(whole)
        return MemoryUse(batch_size=batch_size, threads=threads, peak_bytes=_run(task, path))


def _run(task: dict[str, Any], path: Path) -> int:
    """``_measure`` in a process of its own."""
    command = [sys.executable, "-m", "exporters.measure.memory", json.dumps(task)]
    home = Path(__file__).parents[2]  # where `exporters` is found even if it is not installed
    expected = f"expected {path} to open and run in a process of its own"
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        message = f"expected {path} to answer one call within {_SECONDS} s, it did not; try a smaller batch"
        raise MachineError(message) from error
    if done.returncode < 0:
        fault = f"that was ended by signal {-done.returncode}; is there enough memory? try a smaller batch"
        raise MachineError(f"{expected}, {fault}")
    if done.returncode != 0:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").split("\n")[-1]
        raise kind_of(reason)(f"{expected}, it failed: {reason}")
    return int(done.stdout)


def _measure(task: dict[str, Any]) -> int:
    """Bytes that opening the file and one call add to this process's peak."""
    images = np.ones(task["shape"], task["dtype"])
    options = session_options(threads=task["threads"])
    before = _peak_bytes()
    providers = providers_of(task["provider"], threads=task["threads"])
    session = InferenceSession(task["path"], options, providers=providers)
    session.run(None, {session.get_inputs()[0].name: images})
    return _peak_bytes() - before


def _peak_bytes() -> int:
    """Highest resident memory of this process so far; on Linux not ``ru_maxrss``, which begins as the parent's."""
    if _STATUS.exists():
        (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.stdout.write(str(_measure(json.loads(sys.argv[1]))))
