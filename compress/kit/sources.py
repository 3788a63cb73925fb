"""The modules that the kit's program consists of: copies of the very files that measure here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import exporters

PROGRAM: Final = "measure.py"
_MODULES: Final = (
    "__init__", "errors",
    "device/__init__", "device/answers", "device/command", "device/doubts", "device/kit_files", "device/layers",
    "device/machine", "device/providers", "device/report", "device/timing",
    "measure/__init__", "measure/latency", "measure/latency_results", "measure/layer_times", "measure/profile_events",
    "measure/scheduling", "measure/student", "measure/timed_call",
    "read/__init__", "read/session", "read/signature", "read/tolerance",
)  # fmt: skip


def program_files() -> Iterator[tuple[str, bytes]]:
    """Path in the kit and content of each file of the program."""
    home = Path(exporters.__file__).parent
    yield PROGRAM, (home / "device" / PROGRAM).read_bytes()
    for module in _MODULES:
        yield f"exporters/{module}.py", (home / f"{module}.py").read_bytes()
