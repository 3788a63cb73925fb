"""Readers of the formats in which data sets are published: IDX, pickle, MATLAB's ``.mat`` and JSON.

These files come from elsewhere and are read as data: nothing in them runs, and a small file cannot fill the memory.
Every reader raises ``BadInputError`` for a file that is unreadable, damaged or of another format.
"""

import gzip
import io
import math
import pickle
import pickletools
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInputError, CompressError
from compress.exporter_faults import open_file, read_file
from compress.json_text import parse_json
from compress.reading_limits import reading_limits

_MAX_BYTES = 2**31
_MAX_UNPACKED, _UNPACKED_ANYWAY = 100, 2**26  # times the size of the file, and bytes
_MAX_MAT_BYTES = 2**20  # compressed; the labels of ten thousands of images are a few KiB
_MAX_JSON_BYTES = 2**26
_WHOLE_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248])")
_MAX_TUPLES = 1000  # in a pickle; an array needs a handful, and deep nesting ends the process


def read_bytes(path: Path, *, limit: int = _MAX_BYTES) -> bytes:
    """The content of a regular file of at most ``limit`` bytes."""
    return read_file(path, limit=limit, kind="file")


@contextmanager
def parsing(path: Path, kind: str, *, hint: str = "download it again") -> Iterator[None]:
    """Limit what parsing takes, and turn any error into a ``BadInputError``.

    Damaged files raise KeyError, ValueError, zlib.error...
    """
    try:
        with reading_limits(path, size=path.stat().st_size):
            yield
    except CompressError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # gzip's errors have none
            raise BadInputError(f"cannot read {path}: {error.strerror}") from None
        reason = str(error) or type(error).__name__
        raise BadInputError(f"{path} is not {kind}: {reason}; try to {hint}") from None


def read_idx(path: Path, *, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped: big-endian sizes, then the bytes."""
    start = 4 + 4 * axes
    with open_file(path, limit=_MAX_BYTES) as raw, parsing(path, f"an IDX file of unsigned bytes with {axes} axes"):
        file = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
        header = file.read(start)
        if len(header) < start or header[:4] != bytes((0, 0, 8, axes)):
            raise ValueError(f"it starts with {header[:4]!r}")
        shape = struct.unpack(f">{axes}I", header[4:])
        size = math.prod(shape)
        limit = min(_MAX_BYTES, _UNPACKED_ANYWAY + _MAX_UNPACKED * path.stat().st_size)
        if size > limit:
            raise BadInputError(f"expected at most {limit:,} bytes in {path} of its size, got a header of {shape}")
        data = file.read(size + 1)
        if len(data) != size:
            got = "more" if len(data) > size else f"{len(data):,}"
            raise BadInputError(f"expected {size:,} bytes of {shape} in {path}, got {got}; try to download it again")
        return np.frombuffer(data, np.uint8).reshape(shape).copy()  # a ValueError if a size is 0 and others huge


def read_pickle(path: Path) -> dict[Any, Any]:
    """Read a pickled dict of plain values and arrays of whole numbers; text of Python 2 is decoded as Latin-1."""
    data = read_bytes(path)
    with parsing(path, "a pickle of plain values and arrays"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes in text
            _check_opcodes(data)
        found = _Unpickler(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError(f"expected a dict, got {type(found).__name__}")
        return {key: value.filled() if isinstance(value, _Array) else value for key, value in found.items()}


def _check_opcodes(data: bytes) -> None:
    """Refuse two things that the unpickler would obey: a memo of billions of places, and endlessly nested tuples."""
    tuples = 0
    for opcode, argument, _ in pickletools.genops(data):
        tuples += opcode.name.startswith("TUPLE")
        place = argument if isinstance(argument, int) and "PUT" in opcode.name else 0
        if tuples > _MAX_TUPLES or place > len(data):
            raise pickle.UnpicklingError(f"unexpected {opcode.name}")


class _Type:
    """In place of ``numpy.dtype``."""

    __slots__ = ("kind",)

    def __init__(self, kind: str, *_: object) -> None:
        self.kind = str(kind)

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):  # the byte order
            self.kind = state[1] + self.kind


class _Array:
    """In place of numpy's array: empty until the pickle sets its state."""

    __slots__ = ("_value",)

    def __init__(self, *_: object) -> None:
        self._value: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _Type) or not _WHOLE_NUMBERS.fullmatch(dtype.kind):
            raise pickle.UnpicklingError("expected an array of whole numbers")
        data = raw.encode("latin1") if isinstance(raw, str) else bytes(memoryview(raw))
        self._value = np.frombuffer(data, dtype.kind).reshape(shape, order="F" if fortran else "C")

    def filled(self) -> NDArray[Any]:
        if self._value is None:
            raise pickle.UnpicklingError("an array without contents")
        return self._value


class _FilledArray(_Array):
    """In place of the function that protocol 5 calls."""

    __slots__ = ()

    def __init__(self, raw: Any, dtype: Any, shape: Any, order: str, *_: object) -> None:
        self.__setstate__((1, shape, dtype, order == "F", raw))


class _Encoded:
    """In place of ``_codecs.encode``, which protocol 2 calls for bytes."""

    __slots__ = ()

    def __new__(cls, text: str, _encoding: str) -> Any:
        return text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("unexpected state")


_NAMES: dict[tuple[str, str], Any] = {
    **{(module, "_reconstruct"): _Array for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
    **{(module, "_frombuffer"): _FilledArray for module in ("numpy.core.numeric", "numpy._core.numeric")},
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Encoded,
}


class _Unpickler(pickle.Unpickler):
    """A pickle is a program that calls what it names: it gets classes of this module for the few names of an array.

    No object of numpy is among them: numpy trusts the state that a pickle sets, and a wrong one ends the process.
    (torch's ``weights_only`` reader knows neither the newer protocols nor Python 2's long strings.)
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _NAMES[module, name]


def read_mat(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read variables of a ``.mat`` file of version 5, axes of length one dropped; all of them have to be there."""
    from scipy.io import loadmat  # imported here: it takes a third of a second, and two data sets need it

    data = read_bytes(path, limit=_MAX_MAT_BYTES)
    with parsing(path, "a .mat file of version 5"), warnings.catch_warnings():
        warnings.simplefilter("error")  # scipy warns about what it cannot read and goes on
        found = loadmat(io.BytesIO(data), variable_names=list(names), squeeze_me=True)
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInputError(f"expected {', '.join(names)} in {path}, got no {', '.join(missing)}")
    return {name: np.atleast_1d(found[name]) for name in names}


def read_json(path: Path) -> Any:
    """Read a JSON document."""
    return parse_json(read_bytes(path, limit=_MAX_JSON_BYTES), source=path)
