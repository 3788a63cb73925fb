"""MATLAB's ``.mat`` files (version 5) of labels and names."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInputError

_MOST_BYTES = 2**20  # of a file: labels of ten thousands of images are a few KiB; bounds what it can unpack to


def read_mat(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read variables of a ``.mat`` file, axes of length one dropped.

    Args:
        path: the file.
        names: the variables.

    Raises:
        BadInputError: the file is unreadable, too large, damaged, of another version, or lacks a variable.
    """
    from scipy.io import loadmat  # a third of a second, for two data sets

    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise BadInputError(f"expected at most {_MOST_BYTES:,} bytes in {path}, got {len(data):,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # scipy warns of what it cannot read, and goes on
            found = loadmat(io.BytesIO(data), variable_names=list(names), squeeze_me=True)
    except Exception as error:  # a damaged file raises anything: ValueError, TypeError, zlib.error, MemoryError...
        reason = str(error) or type(error).__name__
        raise BadInputError(f"{path} is no .mat file of version 5: {reason}; try to fetch it again") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInputError(f"expected {', '.join(names)} in {path}, got no {', '.join(missing)}")
    return {name: np.atleast_1d(found[name]) for name in names}


def whole_numbers(values: NDArray[Any], *, source: str) -> list[int]:
    """A row or column of whole numbers, whatever type MATLAB gave them.

    Raises:
        BadInputError: it is something else.
    """
    if values.ndim != 1 or values.dtype.kind not in "iuf" or (values != np.round(values)).any():
        raise BadInputError(f"expected a row of whole numbers in {source}, got {values.dtype} {values.shape}")
    return [int(value) for value in values]
