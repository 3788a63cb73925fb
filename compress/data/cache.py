"""The folder of this program in the user's cache: downloads and results of scans."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """A folder under XDG_CACHE_HOME or ~/.cache; the specification ignores a relative XDG_CACHE_HOME.

    ``RuntimeError`` if this user has no home folder.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "compress" / name
