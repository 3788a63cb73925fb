"""What is measured, for how long, and which limits a candidate must keep."""

from dataclasses import dataclass, field

from compress.environment import usable_cores
from compress.verify.gates import Gates

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
