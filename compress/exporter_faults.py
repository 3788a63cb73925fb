"""The exporters' errors in the library's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from compress.errors import BadInputError, CheckFailedError, CompressError, EnvironmentProblem
from exporters.errors import CallError, ExportError, MachineError, OnnxFileError


@contextmanager
def as_bad_input() -> Iterator[None]:
    """A file from elsewhere that does not open, or fails on images that it takes, is bad input."""
    with export_faults(other=BadInputError):
        yield


@contextmanager
def export_faults(other: type[CompressError] = CheckFailedError) -> Iterator[None]:
    """An unfit file is ``BadInputError``, lack of memory or time ``EnvironmentProblem``, any other fault ``other``."""
    try:
        yield
    except ExportError as error:
        kinds = {OnnxFileError: BadInputError, CallError: BadInputError, MachineError: EnvironmentProblem}
        kind = next((ours for theirs, ours in kinds.items() if isinstance(error, theirs)), other)
        raise kind(str(error)) from error
