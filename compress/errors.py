"""Every error this library raises on purpose, each with the exit code its command line gives."""


class CompressError(Exception):
    """Root of the library's errors. The message says what was expected, what came, what to try."""

    exit_code = 1


class UsageError(CompressError):
    """A flag, a setting or their combination is wrong."""

    exit_code = 2


class CheckFailedError(CompressError):
    """A check of the product failed: masked != physical, torch != onnxruntime, a gate missed."""

    exit_code = 3


class BadInputError(CompressError):
    """A file given by the user (image, weights, ONNX, run folder) is missing, damaged or unfit."""

    exit_code = 4


class EnvironmentProblem(CompressError):
    """The machine cannot do it: disk full, no permission, no memory, a missing extra."""

    exit_code = 5


class DivergedError(CompressError):
    """Training gave a non-finite loss or never left chance."""

    exit_code = 6


class InterruptedRun(CompressError):
    """A signal asked the run to stop; its state is saved. ``exit_code`` is 128 + the signal."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
