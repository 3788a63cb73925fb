"""What is measured, for how long, and which limits a candidate must keep."""

import math
from dataclasses import dataclass, field

from compress.environment import usable_cores
from compress.errors import UsageError
from compress.verdict.gates import Gates
from exporters.measure.latency import LatencySettings

PREDICT_BATCH = 64
"""Images in a call while accuracy is measured."""


@dataclass(frozen=True)
class VerifySettings:
    """Settings of a verdict.

    Attributes:
        batch_sizes: images in a call, for latency.
        threads: onnxruntime's threads, for latency.
        seconds: of timing for each pair of files, batch size and thread count.
        seed: of the order within pairs, the images that are timed and the bootstrap.
        gates: limits.
        judged: label of the row that has to keep them; ``None``: the candidate.
    """

    batch_sizes: tuple[int, ...] = (1, 8)
    threads: tuple[int, ...] = field(default_factory=lambda: tuple(sorted({1, usable_cores()})))
    seconds: float = 2.5
    seed: int = 0
    gates: Gates = field(default_factory=Gates)
    judged: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise UsageError(f"expected --seconds above 0, got {self.seconds}")
        if not self.batch_sizes or not self.threads or min(*self.batch_sizes, *self.threads) < 1:
            raise UsageError(f"expected batch sizes and threads from 1, got {self.batch_sizes} and {self.threads}")

    @property
    def latency(self) -> LatencySettings:
        """The same for one pair of files; slow networks may take ten times as long, for enough pairs."""
        most = max(LatencySettings.max_seconds, 4 * self.seconds)
        return LatencySettings(seed=self.seed, min_seconds=self.seconds, max_seconds=most)
