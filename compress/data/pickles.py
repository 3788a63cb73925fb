"""Pickles of other people's, read as data: text, bytes, numbers, lists, dicts, and arrays of whole numbers.

A pickle is a program. This one's reader knows four names, numpy's own for an array, and each stands for
code of this module; any other name, be it a harmless one, ends the reading. Numpy's code sees raw bytes only.
"""

import io
import math
import pickle
import pickletools
import re
import warnings
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInputError

_WHOLE_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248])")
_MOST_TUPLES = 1000  # an array needs a handful


def read_pickle(data: bytes, *, source: str) -> Any:
    """Decode a pickle of plain values and arrays; strings of Python 2 come as latin-1 text.

    Args:
        data: the file's bytes.
        source: where they come from, for the error.

    Raises:
        BadInputError: it is damaged, or holds anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in text
            _look_through(data)
        return _finished(_Reader(io.BytesIO(data), encoding="latin1").load())
    except Exception as error:  # a damaged pickle raises anything: KeyError, ValueError, AttributeError...
        reason = str(error) or type(error).__name__
        raise BadInputError(
            f"{source} is no pickle of plain values and arrays: {reason}; try to fetch it again"
        ) from None


def _look_through(data: bytes) -> None:
    """Refuse what the reader would take at its word: a place in a memo of billions, tuples nested without end."""
    tuples = 0
    for opcode, argument, _ in pickletools.genops(data):
        tuples += opcode.name.startswith("TUPLE")
        place = argument if isinstance(argument, int) and "PUT" in opcode.name else 0
        if tuples > _MOST_TUPLES or place > len(data):
            raise pickle.UnpicklingError(f"its {opcode.name} is not one of a data set")


class _Array:
    """An array in the making: ``_reconstruct`` makes it, the pickle then sets its state."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, raw = state
        self.value = _array(raw, dtype, shape, order="F" if fortran else "C")


class _Type:
    """A dtype in the making; byte order is in its state."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order in ("<", ">") and self.name[:1] in "biu":
            self.name = order + self.name


class _Function:
    """What a pickle may call; nothing can be set on it, as could be on a function."""

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> NoReturn:
        raise pickle.UnpicklingError("a function has no state")


def _array(raw: Any, dtype: Any, shape: Any, order: str = "C") -> NDArray[Any]:
    if not isinstance(dtype, _Type) or not _WHOLE_NUMBERS.fullmatch(dtype.name):
        raise pickle.UnpicklingError("expected an array of whole numbers")
    data = raw.encode("latin1") if isinstance(raw, str) else bytes(memoryview(raw))
    kind = np.dtype(dtype.name)
    if not all(isinstance(size, int) and size >= 0 for size in shape) or math.prod(shape) * kind.itemsize != len(data):
        raise pickle.UnpicklingError(f"expected {len(data)} bytes in an array of {shape}")
    return np.frombuffer(data, kind).reshape(shape, order="F" if order == "F" else "C")


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: str, _axes: Any = None) -> _Array:
    made = _Array()
    made.value = _array(raw, dtype, shape, order)
    return made


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Function(lambda *_: _Array()),
    ("numpy._core.multiarray", "_reconstruct"): _Function(lambda *_: _Array()),
    ("numpy.core.numeric", "_frombuffer"): _Function(_frombuffer),
    ("numpy._core.numeric", "_frombuffer"): _Function(_frombuffer),
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy", "dtype"): _Function(lambda name, *_: _Type(str(name))),
    ("_codecs", "encode"): _Function(lambda text, _encoding: text.encode("latin1")),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _NAMES[module, name]


def _finished(value: Any) -> Any:
    """The dict at the top, its arrays put in their places; deeper ones are of no use to anybody here."""
    if isinstance(value, dict):
        return {key: _finished(inner) if isinstance(inner, _Array) else inner for key, inner in value.items()}
    if isinstance(value, _Array):
        if value.value is None:
            raise pickle.UnpicklingError("an array without contents")
        return value.value
    return value
