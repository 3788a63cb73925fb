"""What timing two files against each other gives."""

from dataclasses import dataclass
from typing import Final, Literal

from exporters.measure.timing import Timing

Verdict = Literal["faster", "slower", "no difference"]

RESOLUTION: Final = 0.01
"""A smaller difference than this is none, however sure the interval is.

A file timed against itself gave intervals such as 0.990 to 0.999, once in a dozen.
"""


@dataclass(frozen=True)
class LatencyComparison:
    """Two files, timed in turn on the same images.

    Attributes:
        batch_size: images in a call.
        threads: of onnxruntime.
        rounds: times that both files were opened.
        settling_calls: untimed calls of the same file before each timed one.
        pairs: pairs that were timed.
        pairs_used: those that the ratio rests on: nothing interrupted them; all of them
            where too few were undisturbed.
        cut_short: whether the time was over before the pairs and rounds that were asked for.
        original: timing of the original.
        candidate: timing of the candidate.
        ratio: median of original / candidate over the used pairs; above 1 the candidate is faster.
        ratio_low: lower end of the 95 % interval on the ratio.
        ratio_high: its upper end.
        pinned: whether the process was held on as many cores as there are threads.
        noisy: whether a file's coefficient of variation is above 0.1: the machine was busy, or its clock changed.
    """

    batch_size: int
    threads: int
    rounds: int
    settling_calls: int
    pairs: int
    pairs_used: int
    cut_short: bool
    original: Timing
    candidate: Timing
    ratio: float
    ratio_low: float
    ratio_high: float
    pinned: bool
    noisy: bool

    @property
    def coefficient_of_variation(self) -> float:
        """Of the less steady of the two files."""
        return max(self.original.coefficient_of_variation, self.candidate.coefficient_of_variation)

    @property
    def verdict(self) -> Verdict:
        """What can be said of the candidate: its whole interval lies more than 1 % beyond 1, or nothing."""
        if self.ratio_low > 1 + RESOLUTION:
            return "faster"
        return "slower" if self.ratio_high < 1 - RESOLUTION else "no difference"
