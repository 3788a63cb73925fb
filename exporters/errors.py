"""Errors of the exporters: files, calls and the machine."""

import re
from typing import Final

# Parts of the messages of onnxruntime, torch, CUDA, the loader of libraries and Python when memory runs out.
_OUT_OF_MEMORY: Final = re.compile(
    r"bad[_ ]alloc|MemoryError|out of memory|not enough memory|ALLOC_FAILED"
    r"|(failed to|can't|cannot|unable to) (allocate|map segment)",
    re.IGNORECASE,
)

_LONGEST_REASON: Final = 500  # characters; a name in a file may have millions


class ExportError(Exception):
    """Root of this package's errors. The message says what was expected, what was found, and what to try."""


class FileError(ExportError):
    """A file from elsewhere is missing, unreadable, too large, or no regular file."""


class OnnxFileError(FileError):
    """An ONNX file is missing, damaged, or not a self-contained image classifier."""


class CallError(ExportError):
    """An open file does not take the images it is called with, or fails on them."""


class SettingError(ExportError):
    """A setting does not fit the file or the machine, such as the name of a layer that the file does not have."""


class MachineError(ExportError):
    """The machine cannot read or run a file: no memory, a failing disk, or not within the time."""


def reason_of(error: BaseException) -> str:
    """The first line, shortened, of an error of onnxruntime, whose errors have no public base class."""
    return (str(error).strip() or type(error).__name__).split("\n", 1)[0][:_LONGEST_REASON]


def kind_of(reason: str, otherwise: type[ExportError] = CallError) -> type[ExportError]:
    """The error class for a failure of onnxruntime: ``MachineError`` if memory ran out, else ``otherwise``."""
    return MachineError if is_out_of_memory(reason) else otherwise


def is_out_of_memory(reason: str) -> bool:
    """Whether an error's message says that memory ran out: torch and onnxruntime have no class for it."""
    return _OUT_OF_MEMORY.search(reason) is not None
