"""Whether a change is a gain, a loss or neither: one rule for the sentences and the colours."""

from typing import Final, Literal

from compress.report.results import AccuracyDrop, ClassDrop
from compress.report.sections import Tone
from exporters.measure.comparison import LatencyComparison, Verdict

Outcome = Literal["gained", "lost", "same"]

TONES: Final[dict[Outcome, Tone]] = {"gained": "good", "lost": "bad", "same": "plain"}

_EQUAL: Final = 0.005
"""Sizes within this share of the original's are the same to a reader."""

_OF_TIMING: Final[dict[Verdict, Outcome]] = {"faster": "gained", "slower": "lost", "no difference": "same"}


def size_outcome(before: int, after: int) -> Outcome:
    """Of bytes, MACs or parameters: fewer is better; half a percent counts as no change."""
    if abs(after - before) <= _EQUAL * before:
        return "same"
    return "gained" if after < before else "lost"


def drop_outcome(drop: AccuracyDrop | ClassDrop) -> Outcome:
    """Of accuracy: only an interval without 0 shows a change."""
    return "lost" if drop.low > 0 else "gained" if drop.high < 0 else "same"


def timing_outcome(timing: LatencyComparison) -> Outcome:
    """Of latency: only an interval beyond the resolution shows a difference."""
    return _OF_TIMING[timing.verdict]
