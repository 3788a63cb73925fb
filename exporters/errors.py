"""What can go wrong between a module, an ONNX file and onnxruntime."""


class ExportError(Exception):
    """Root of this package's errors. The message says what was expected, what came, what to try."""


class OnnxFileError(ExportError):
    """An ONNX file is missing, damaged, or no self-contained image classifier."""


class CallError(ExportError):
    """A file that opens does not take the images it is called with, or fails on them."""


class MachineError(ExportError):
    """The machine cannot run a file: no memory, or not within the time."""
