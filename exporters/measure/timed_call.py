"""One call of onnxruntime, to be timed. Also part of the kit for a device."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from onnxruntime import InferenceSession

from exporters.errors import kind_of, reason_of
from exporters.read.signature import Signature


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


def first_call(session: InferenceSession, signature: Signature, images: np.ndarray, *, source: object) -> Call:
    """A call that has run once, which shows that the session takes the images; CallError if it does not.

    ``source`` names the file in messages.
    """
    call = Call(session, {signature.input_name: images}, [signature.output_name])
    try:
        call.milliseconds()
    except Exception as error:
        reason, shape = reason_of(error), list(images.shape)
        raise kind_of(reason)(
            f"expected {source} to answer for {images.dtype} images {shape}, it fails: {reason}; "
            "try the image size it was made for, or another batch size"
        ) from error
    return call
