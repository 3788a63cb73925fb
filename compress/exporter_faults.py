"""The exporters' errors in the library's words; users' files, opened by the exporters' rules."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BufferedReader
from pathlib import Path

from compress.errors import BadInputError, CheckFailedError, CompressError, EnvironmentProblem, UsageError
from exporters.errors import CallError, ExportError, FileError, MachineError, SettingError
from exporters.read.regular_file import open_regular, read_regular
from exporters.read.regular_file import read_with_status as read_regular_with_status


@contextmanager
def export_faults(other: type[CompressError] = CheckFailedError) -> Iterator[None]:
    """An unfit file is ``BadInputError``, an unfit setting ``UsageError``, any other fault ``other``.

    Lack of memory or time is ``EnvironmentProblem``.
    """
    try:
        yield
    except ExportError as error:
        kinds = {
            FileError: BadInputError, CallError: BadInputError, SettingError: UsageError,
            MachineError: EnvironmentProblem,
        }  # fmt: skip
        kind = next((ours for theirs, ours in kinds.items() if isinstance(error, theirs)), other)
        raise kind(str(error)) from error


def as_bad_input() -> AbstractContextManager[None]:
    """A file from elsewhere that does not open, or fails on images that it takes, is bad input."""
    return export_faults(other=BadInputError)


def open_file(path: Path, *, limit: int, kind: str = "file") -> BufferedReader:
    """A user's file, opened for reading: a regular one of at most ``limit`` bytes; ``kind`` names it in messages."""
    with as_bad_input():
        return open_regular(path, limit=limit, kind=kind)


def read_file(path: Path, *, limit: int, kind: str) -> bytes:
    """The content of a user's file; arguments as in ``open_file``."""
    with as_bad_input():
        return read_regular(path, limit=limit, kind=kind)


def read_with_status(path: Path, *, limit: int, kind: str) -> tuple[bytes, os.stat_result]:
    """``read_file``, and the state of the file after reading."""
    with as_bad_input():
        return read_regular_with_status(path, limit=limit, kind=kind)
