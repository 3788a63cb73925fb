"""An open file with images to call it on, to be timed or profiled."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from exporters.errors import kind_of, reason_of
from exporters.read.session import open_session
from exporters.read.signature import Signature, signature_of


@dataclass(frozen=True)
class RunnableFile:
    """An ONNX image classifier; height and width in pixels, and its signature, where the file does not state them."""

    path: Path
    image_size: int | None = None
    signature: Signature | None = None


@dataclass(frozen=True)
class Call:
    """One call of onnxruntime, again and again on the same images: ``feed`` is its input's name -> images."""

    session: InferenceSession
    feed: dict[str, np.ndarray]
    outputs: list[str]

    def milliseconds(self) -> float:
        """Run once and return how long it took."""
        start = time.perf_counter_ns()
        self.session.run(self.outputs, self.feed)
        return (time.perf_counter_ns() - start) / 1e6


@dataclass(frozen=True)
class CallFactory:
    """Opens one file as often as wanted, always for the same images."""

    path: Path
    signature: Signature
    images: np.ndarray

    def open(self, *, threads: int, options: SessionOptions | None = None) -> Call:
        """A fresh session that has run once, which shows that it takes the images."""
        session = open_session(self.path, threads=threads, options=options)
        call = Call(session, {self.signature.input_name: self.images}, [self.signature.output_name])
        try:
            call.milliseconds()
        except Exception as error:
            reason, shape = reason_of(error), list(self.images.shape)
            raise kind_of(reason)(
                f"expected {self.path} to answer for {self.images.dtype} images {shape}, it fails: {reason}; "
                "try the image size it was made for, or another batch size"
            ) from error
        return call


def calls_of(file: RunnableFile, *, batch_size: int, seed: int) -> CallFactory:
    """Calls on random images of the shape, layout and type that a file takes.

    OnnxFileError if it cannot be opened or is no image classifier; CallError if it does not take this batch size, or
    needs an image size.
    """
    signature = file.signature or signature_of(open_session(file.path, threads=1), source=str(file.path))
    random = np.random.default_rng(seed)
    images = signature.random_images(random, batch_size=batch_size, image_size=file.image_size)
    return CallFactory(file.path, signature, images)
