"""Where this program keeps what it can get again: downloads, and what a scan found."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """A folder under XDG_CACHE_HOME, or ~/.cache (a relative path there counts as none, says the specification).

    Raises:
        RuntimeError: this user has no home.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "compress" / name
