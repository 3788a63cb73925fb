"""The exporters' errors in the library's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from compress.errors import BadInputError, CheckFailedError, EnvironmentProblem
from exporters.errors import CallError, ExportError, MachineError, OnnxFileError


@contextmanager
def as_bad_input() -> Iterator[None]:
    """A file from elsewhere that does not open, or fails on images that it takes, is bad input.

    Raises:
        BadInputError: for every error of the exporters but want of memory or time.
        EnvironmentProblem: for those.
    """
    try:
        yield
    except MachineError as error:
        raise EnvironmentProblem(str(error)) from error
    except ExportError as error:
        raise BadInputError(str(error)) from error


@contextmanager
def export_faults() -> Iterator[None]:
    """The same where files are made too.

    Raises:
        BadInputError: a file is no fit network.
        EnvironmentProblem: the machine has not the memory or the time for it.
        CheckFailedError: a check of what was made failed.
    """
    try:
        yield
    except (OnnxFileError, CallError) as error:
        raise BadInputError(str(error)) from error
    except MachineError as error:
        raise EnvironmentProblem(str(error)) from error
    except ExportError as error:
        raise CheckFailedError(str(error)) from error
