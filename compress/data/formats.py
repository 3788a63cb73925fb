"""Readers of the formats in which data sets are published: IDX, pickle, MATLAB's ``.mat`` and JSON.

These files come from elsewhere and are read as data: nothing in them runs, and a small file cannot fill the memory.
Every reader raises ``BadInputError`` for a file that is unreadable, damaged or of another format.
"""

import gzip
import io
import json
import math
import pickle
import pickletools
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInputError

_MAX_IDX_BYTES = 2**31
_MAX_MAT_BYTES = 2**20  # compressed; the labels of ten thousands of images are a few KiB
_MAX_TUPLES = 1000  # in a pickle; an array needs a handful, and deep nesting ends the process


def read_bytes(path: Path) -> bytes:
    """The content of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def _parsing(path: Path, kind: str) -> Iterator[None]:
    """Turn any error into a ``BadInputError``: damaged files raise KeyError, ValueError, zlib.error, MemoryError..."""
    try:
        yield
    except BadInputError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise BadInputError(f"{path} is not {kind}: {reason}; try to download it again") from None


def read_idx(path: Path, *, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped: big-endian sizes, then the bytes."""
    file: Any = io.BytesIO(read_bytes(path))
    if file.getvalue()[:2] == b"\x1f\x8b":
        file = gzip.GzipFile(fileobj=file)
    with _parsing(path, f"an IDX file of unsigned bytes with {axes} axes"):
        if (start := file.read(4)) != bytes((0, 0, 8, axes)):
            raise ValueError(f"it starts with {start!r}")
        shape = struct.unpack(f">{axes}I", file.read(4 * axes))
        size = math.prod(shape)
        if size > _MAX_IDX_BYTES:
            raise BadInputError(f"expected at most {_MAX_IDX_BYTES:,} bytes in {path}, got a header of {shape}")
        data = file.read(size + 1)
    if len(data) != size:
        got = "more" if len(data) > size else f"{len(data):,}"
        raise BadInputError(f"expected {size:,} bytes of {shape} in {path}, got {got}; try to download it again")
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def read_pickle(path: Path) -> dict[Any, Any]:
    """Read a pickled dict of plain values and arrays of whole numbers; text of Python 2 is decoded as Latin-1."""
    data = read_bytes(path)
    with _parsing(path, "a pickle of plain values and arrays"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes in text
            _check_opcodes(data)
        found = _Unpickler(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError(f"expected a dict, got {type(found).__name__}")
        if any(isinstance(value, np.ndarray) and value.dtype.kind not in "biu" for value in found.values()):
            raise pickle.UnpicklingError("expected arrays of whole numbers")
        return found


def _check_opcodes(data: bytes) -> None:
    """Refuse two things that the unpickler would obey: a memo of billions of places, and endlessly nested tuples."""
    tuples = 0
    for opcode, argument, _ in pickletools.genops(data):
        tuples += opcode.name.startswith("TUPLE")
        place = argument if isinstance(argument, int) and "PUT" in opcode.name else 0
        if tuples > _MAX_TUPLES or place > len(data):
            raise pickle.UnpicklingError(f"unexpected {opcode.name}")


class _Unpickler(pickle.Unpickler):
    """A pickle is a program that calls what it names: this reader knows only what an array needs.

    Functions are made anew for every use, as a pickle may set their attributes. (torch's ``weights_only`` reader knows
    neither the newer protocols nor Python 2's long strings.)
    """

    def find_class(self, module: str, name: str) -> Any:
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy.core.multiarray", "_reconstruct":
                return lambda *_: np.ndarray(0, np.uint8)  # the pickle sets its state next
            case "numpy.core.numeric", "_frombuffer":  # protocol 5
                return lambda raw, kind, shape, order: np.frombuffer(raw, kind).reshape(shape, order=order)
            case "numpy", "ndarray":
                return "numpy.ndarray"
            case "numpy", "dtype":
                return np.dtype
            case "_codecs", "encode":  # protocol 2, for bytes
                return lambda text, _encoding: text.encode("latin1")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read_mat(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read variables of a ``.mat`` file of version 5, axes of length one dropped; all of them have to be there."""
    from scipy.io import loadmat  # imported here: it takes a third of a second, and two data sets need it

    data = read_bytes(path)
    if len(data) > _MAX_MAT_BYTES:
        raise BadInputError(f"expected at most {_MAX_MAT_BYTES:,} bytes in {path}, got {len(data):,}")
    with _parsing(path, "a .mat file of version 5"), warnings.catch_warnings():
        warnings.simplefilter("error")  # scipy warns about what it cannot read and goes on
        found = loadmat(io.BytesIO(data), variable_names=list(names), squeeze_me=True)
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInputError(f"expected {', '.join(names)} in {path}, got no {', '.join(missing)}")
    return {name: np.atleast_1d(found[name]) for name in names}


def read_json(path: Path) -> Any:
    """Read a JSON document."""
    data = read_bytes(path)
    with _parsing(path, "JSON"):
        return json.loads(data)
