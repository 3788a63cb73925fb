"""The default name of a run folder."""

import re
import secrets
from datetime import datetime
from pathlib import Path

from compress.settings.config import RunConfig


def default_run_path(config: RunConfig) -> Path:
    """``runs/<YYYYmmdd-HHMMSS>-<arch>-<dataset>-<4 hex>``, relative to the working folder."""
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{label(config)}-{secrets.token_hex(2)}"


def label(config: RunConfig) -> str:
    """``<arch>-<dataset>``, fit for a folder's name."""
    dataset = Path(config.dataset).name or "data"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{config.arch}-{dataset}")[:80]
