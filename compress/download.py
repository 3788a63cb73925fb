"""One file from the internet, or from where its address says, complete and compared with its published checksum."""

import hashlib
import os
import urllib.request
from pathlib import Path

from compress.errors import BadInputError

_TIMEOUT = 60  # seconds without a byte
_CHUNK = 2**20  # bytes


def fetch(url: str, path: Path, *, algorithm: str, checksum: str) -> None:
    """Write what ``url`` has to ``path``; BadInputError if its checksum does not begin with ``checksum`` (hex)."""
    digest = hashlib.new(algorithm, usedforsecurity=False)  # while it is written: the largest file has 5 GB
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if not digest.hexdigest().startswith(checksum):
        raise BadInputError(
            f"{url} is not the published file: expected {algorithm} {checksum}, got {digest.hexdigest()}; try again"
        )
