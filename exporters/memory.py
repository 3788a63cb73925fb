"""Peak memory of a file in onnxruntime, measured in a process of its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryUse:
    """What opening a file and classifying one batch adds to a process.

    Attributes:
        batch_size: images in the call.
        threads: of onnxruntime.
        peak_bytes: highest resident memory, less that of the same process before it opened the file.
    """

    batch_size: int
    threads: int
    peak_bytes: int
