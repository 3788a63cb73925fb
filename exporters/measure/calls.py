"""A file that is open and has its images at hand: what is timed, profiled and weighed."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from exporters.errors import ExportError
from exporters.read.session import open_session
from exporters.read.signature import signature_of


@dataclass(frozen=True)
class Call:
    """One call of onnxruntime, again and again on the same images.

    Attributes:
        session: the open file.
        feed: its input's name -> images.
        outputs: the one output that is asked for.
    """

    session: InferenceSession
    feed: dict[str, np.ndarray]
    outputs: list[str]

    def milliseconds(self) -> float:
        """Run once, and say how long it took."""
        start = time.perf_counter_ns()
        self.session.run(self.outputs, self.feed)
        return (time.perf_counter_ns() - start) / 1e6


@dataclass(frozen=True)
class CallFactory:
    """Opens one file as often as wanted, always for the same images.

    Attributes:
        path: the file.
        images: as it takes them.
    """

    path: Path
    images: np.ndarray

    def open(self, *, threads: int, options: SessionOptions | None = None) -> Call:
        """A fresh session that has run once, so that it is known to take the images.

        Raises:
            OnnxFileError: the file cannot be opened.
            ExportError: it fails on its images.
        """
        session = open_session(self.path, threads=threads, options=options)
        signature = signature_of(session, source=str(self.path))
        call = Call(session, {signature.input_name: self.images}, [signature.output_name])
        try:
            call.milliseconds()
        except Exception as error:  # onnxruntime's errors have no public base class
            reason = str(error).strip().split("\n", 1)[0]
            shape = list(self.images.shape)
            raise ExportError(
                f"expected {self.path} to answer for {self.images.dtype} images {shape}, it fails: {reason}; "
                "try the image size it was made for, or another batch size"
            ) from error
        return call


def calls_of(path: Path, *, image_size: int | None, batch_size: int, seed: int) -> CallFactory:
    """Random images of the shape, layout and type that a file takes.

    Args:
        path: an ONNX image classifier.
        image_size: height and width in pixels, where the file leaves them free.
        batch_size: images in a call.
        seed: of the images.

    Raises:
        OnnxFileError: the file cannot be opened, or is no image classifier.
        ExportError: it does not take this batch size, or needs an image size.
    """
    signature = signature_of(open_session(path, threads=1), source=str(path))
    random = np.random.default_rng(seed)
    return CallFactory(path, signature.random_images(random, batch_size=batch_size, image_size=image_size))
