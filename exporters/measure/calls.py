"""Open an ONNX file again and again, to be timed or profiled on the same images; compare the latency of two."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from onnxruntime import SessionOptions

from exporters.measure.latency import LatencySettings, compare_calls
from exporters.measure.latency_results import LatencyComparison
from exporters.measure.timed_call import Call, first_call
from exporters.read.classifier import open_session
from exporters.read.session import CPU_PROVIDER
from exporters.read.signature import Signature, signature_of


@dataclass(frozen=True)
class RunnableFile:
    """An ONNX image classifier and the execution provider that runs it.

    ``image_size`` (height and width in pixels) and ``signature`` are for what the file does not state.
    """

    path: Path
    image_size: int | None = None
    signature: Signature | None = None
    provider: str = CPU_PROVIDER


@dataclass(frozen=True)
class CallFactory:
    """Opens one file as often as wanted, always for the same images."""

    path: Path
    signature: Signature
    images: np.ndarray
    provider: str = CPU_PROVIDER

    def open(self, *, threads: int, options: SessionOptions | None = None) -> Call:
        """A fresh session that has run once, which shows that it takes the images."""
        session = open_session(self.path, threads=threads, options=options, provider=self.provider)
        return first_call(session, self.signature, self.images, source=self.path)


def calls_of(file: RunnableFile, *, batch_size: int, seed: int) -> CallFactory:
    """Calls on random images of the shape, layout and type that a file takes.

    OnnxFileError if it cannot be opened or is no image classifier; CallError if it does not take this batch size, or
    needs an image size.
    """
    signature = file.signature or signature_of(open_session(file.path, threads=1), source=str(file.path))
    random = np.random.default_rng(seed)
    images = signature.random_images(random, batch_size=batch_size, image_size=file.image_size)
    return CallFactory(file.path, signature, images, file.provider)


def compare_latency(
    original: RunnableFile, candidate: RunnableFile, *, batch_size: int, threads: int, settings: LatencySettings
) -> LatencyComparison:
    """Time two ONNX files in turn, each on random images of its own shape and type.

    OnnxFileError if a file cannot be opened or is no image classifier; CallError if it does not take this batch size,
    needs an image size or fails on its images; MachineError if there is not enough memory.
    """
    factories = [calls_of(file, batch_size=batch_size, seed=settings.seed) for file in (original, candidate)]
    openers = [partial(factory.open, threads=threads) for factory in factories]
    return compare_calls(openers, batch_size=batch_size, threads=threads, settings=settings)
