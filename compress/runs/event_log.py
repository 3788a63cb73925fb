"""``events.jsonl``: what happened in a run. It has no checksum, so nothing relies on it."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from compress.errors import CompressError
from compress.runs.own_files import open_own

EVENTS: Final = "events.jsonl"

_LONGEST: Final = 2**20  # bytes of a line


def read_event(folder: Path, *, last: bool) -> dict[str, Any]:
    """The last or the first event; empty where there is none. However long the log is, only that part is read."""
    with suppress(OSError, CompressError, ValueError, RecursionError, IndexError):
        file = open_own(folder, EVENTS)
        if file is not None:
            with file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LONGEST) if last else 0)
                event = json.loads(file.read(_LONGEST).splitlines()[-1 if last else 0])
            return event if isinstance(event, dict) else {}
    return {}
