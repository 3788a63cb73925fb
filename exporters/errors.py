"""What can go wrong between a module, an ONNX file and onnxruntime."""

from typing import Final

# What onnxruntime and Python say where memory lacks.
_NO_MEMORY: Final = ("bad_alloc", "bad allocation", "Failed to allocate memory", "MemoryError")


class ExportError(Exception):
    """Root of this package's errors. The message says what was expected, what came, what to try."""


class OnnxFileError(ExportError):
    """An ONNX file is missing, damaged, or no self-contained image classifier."""


class CallError(ExportError):
    """A file that opens does not take the images it is called with, or fails on them."""


class MachineError(ExportError):
    """The machine cannot run a file: no memory, or not within the time."""


def reason_of(error: Exception) -> str:
    """The first line of an error of onnxruntime, whose errors have no public base class."""
    return (str(error).strip() or type(error).__name__).split("\n", 1)[0]


def kind_of(reason: str, otherwise: type[ExportError] = CallError) -> type[ExportError]:
    """Which error a failure of onnxruntime is: the machine's where memory lacked.

    Args:
        reason: of ``reason_of``.
        otherwise: the error that it is if memory did not lack.
    """
    return MachineError if any(sign in reason for sign in _NO_MEMORY) else otherwise
