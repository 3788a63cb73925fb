"""What INT8 costs and gains, layer by layer: accuracy on images that did not calibrate, and time in turn.

Axes: N images, K classes.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
import torch
from onnx import ModelProto
from torch.nn.functional import kl_div

from exporters.measure.layer_times import SampleFile, TimingLimits, time_samples
from exporters.read.session import run_batches, session_options, start_session

Progress = Callable[[str], None]
"""Called with what is about to be done, in words."""

_AT_ONCE: Final = 7  # graphs held in memory beside the reference
_WORST: Final = 1e9  # nats: where an answer is no number, or too far away to say how far


@dataclass(frozen=True)
class Int8Loss:
    """What a file in INT8 loses against its float32 source, on the same images.

    ``points``: Top-1 lost, in percentage points, negative for a gain. ``divergence``: the mean Kullback-Leibler
    divergence of its answers from the float32 ones, in nats: finer than Top-1, which few images change. An answer that
    is infinite or no number is wrong, and its divergence at its largest, 1e9: both numbers are always finite.
    """

    points: float
    divergence: float


class Judge:
    """Images that INT8 is judged on: ``batches`` float32 [B, C, H, W], ``labels`` of all of them, in order [N].

    ``emulated`` as in ``session_options``, for files that another processor will run.
    """

    def __init__(
        self, batches: Sequence[np.ndarray], labels: np.ndarray, *, threads: int, emulated: bool = False
    ) -> None:
        self._batches, self._labels_N, self._threads, self._emulated = batches, labels, threads, emulated
        self._float_NK = np.empty((0, 0))

    @property
    def images(self) -> int:
        """How many they are."""
        return len(self._labels_N)

    def take(self, source: ModelProto) -> None:
        """Remember the answers of the float32 file."""
        self._float_NK = self.answers(source)

    def loss(self, model: ModelProto) -> Int8Loss:
        """What a file loses against the one that was taken."""
        return loss_of(self._float_NK, self.answers(model), self._labels_N)

    def answers(self, model: ModelProto) -> np.ndarray:
        """The scores of a file on the images, float32 [N, K]."""
        options = session_options(threads=self._threads, emulated=self._emulated)
        session = start_session(model.SerializeToString(), options, path="the INT8 file")
        return run_batches(session, self._batches)


def loss_of(float_NK: np.ndarray, int8_NK: np.ndarray, labels_N: np.ndarray) -> Int8Loss:
    """The loss of logits [N, K] against those of the float32 file, with the right classes [N]."""
    hits = [
        int(((logits_NK.argmax(1) == labels_N) & np.isfinite(logits_NK).all(1)).sum())
        for logits_NK in (float_NK, int8_NK)
    ]
    before_NK, after_NK = (
        torch.from_numpy(logits_NK.astype(np.float64)).log_softmax(1) for logits_NK in (float_NK, int8_NK)
    )
    divergences_N = kl_div(after_NK, before_NK, reduction="none", log_target=True).sum(1)
    divergence = divergences_N.nan_to_num(nan=_WORST, posinf=_WORST).clamp(max=_WORST).mean()
    return Int8Loss(100 * (hits[0] - hits[1]) / len(labels_N), float(divergence))


@dataclass(frozen=True)
class Stopwatch:
    """Times graphs against a reference: ``limits`` says on what batch, with how many threads, for how long each."""

    limits: TimingLimits

    def times(self, reference: ModelProto, graphs: Iterable[ModelProto], *, effort: float = 1) -> list[float]:
        """The time of a call of each graph as a share of the reference's; ``effort`` multiplies the seconds."""
        limits = replace(self.limits, seconds=self.limits.seconds * effort, most_rounds=10_000)
        first, waiting = _sample(reference), iter(graphs)
        shares: list[float] = []
        while some := [_sample(graph) for graph in islice(waiting, _AT_ONCE)]:
            found = time_samples([first, *some], limits)[1:]
            shares += [one.whole_ms / one.reference_ms for one in found]
        return shares


def _sample(graph: ModelProto) -> SampleFile:
    data = graph.SerializeToString()
    return SampleFile(data, hashlib.sha256(data).hexdigest())
