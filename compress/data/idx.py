"""The IDX format of the MNIST family: a header of big-endian sizes, then raw bytes; plain or gzipped."""

import gzip
import hashlib
import io
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInputError

_UNSIGNED_BYTE = 0x08
_MOST_BYTES = 2**31  # of an unpinned file, unzipped: more claim to be no data set of this format


@dataclass(frozen=True)
class IdxFile:
    """One pinned file: its name without ``.gz``, the axes' sizes, and the sha256 (hex) of its unzipped bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size_bytes(self) -> int:
        """Size unzipped."""
        return 4 + 4 * len(self.shape) + int(np.prod(self.shape))


def decode_idx(data: bytes, expected: IdxFile, *, source: str) -> NDArray[np.uint8]:
    """Check and decode a file's bytes, gzipped or not.

    Reads no more than the expected size, whatever the compressed stream claims.

    Args:
        data: the file's bytes.
        expected: what the file has to be.
        source: where the bytes come from, for the error.

    Returns:
        uint8 of ``expected.shape``.

    Raises:
        BadInputError: the file is damaged or another one.
    """
    plain = _unzip(data, limit=expected.size_bytes + 1, source=source) if data[:2] == b"\x1f\x8b" else data
    header = struct.pack(f">BBBB{len(expected.shape)}I", 0, 0, _UNSIGNED_BYTE, len(expected.shape), *expected.shape)
    found = hashlib.sha256(plain).hexdigest()
    if plain[: len(header)] != header or len(plain) != expected.size_bytes or found != expected.sha256:
        raise BadInputError(
            f"{source} is not the file it is named after: expected {expected.size_bytes} bytes unzipped, sha256 "
            f"{expected.sha256}, got {min(len(plain), expected.size_bytes)} bytes or more, sha256 {found}; "
            "try to fetch it again"
        )
    return np.frombuffer(plain, np.uint8, offset=len(header)).reshape(expected.shape).copy()


def parse_idx(data: bytes, *, axes: int, source: str) -> NDArray[np.uint8]:
    """Decode a file of unsigned bytes that is pinned by nothing: its header says how large it is.

    Args:
        data: the file's bytes, gzipped or not.
        axes: how many it has to have.
        source: where the bytes come from, for the error.

    Returns:
        uint8, of the shape in the header.

    Raises:
        BadInputError: the file is damaged or of another format.
    """
    zipped = data[:2] == b"\x1f\x8b"
    length = 4 + 4 * axes
    header = _unzip(data, limit=length, source=source) if zipped else data[:length]
    if len(header) < length or header[:4] != bytes((0, 0, _UNSIGNED_BYTE, axes)):
        raise BadInputError(f"{source} is no IDX file of unsigned bytes with {axes} axes; try to fetch it again")
    shape = struct.unpack(f">{axes}I", header[4:])
    expected = length + math.prod(shape)
    if expected > _MOST_BYTES:
        raise BadInputError(f"expected at most {_MOST_BYTES:,} bytes in {source}, got a header of {shape}")
    plain = _unzip(data, limit=expected + 1, source=source) if zipped else data
    if len(plain) != expected:
        raise BadInputError(
            f"expected {expected:,} bytes in {source} for its axes {shape}, got "
            f"{'more' if len(plain) > expected else f'{len(plain):,}'}; try to fetch it again"
        )
    return np.frombuffer(plain, np.uint8, offset=length).reshape(shape).copy()


def find_idx(folder: Path, expected: IdxFile) -> Path | None:
    """The plain or gzipped file in ``folder``, or ``None``."""
    for name in (expected.name, expected.name + ".gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def _unzip(data: bytes, *, limit: int, source: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return stream.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{source} is a damaged gzip file ({error}); try to fetch it again") from None
