"""Whether a change is a gain, a loss or neither (one rule for sentences and colours), and a gate's result in words."""

import math
from typing import Final, Literal

from compress.report.results import AccuracyDrop, ClassDrop, GateResult
from compress.report.sections import Tone
from exporters.measure.latency_results import LatencyComparison, SpeedChange

Outcome = Literal["gained", "lost", "same"]

TONES: Final[dict[Outcome, Tone]] = {"gained": "good", "lost": "bad", "same": "plain"}

_EQUAL: Final = 0.005  # sizes within this share of the original's count as the same
_OF_TIMING: Final[dict[SpeedChange, Outcome]] = {"faster": "gained", "slower": "lost", "no difference": "same"}
_MOST_DECIMALS: Final = 6
_UNITS: Final = {
    "max-drop": " points", "min-speedup": "x", "max-latency-ms": " ms", "max-size-mb": " MB", "max-macs": "",
}  # fmt: skip


def size_outcome(before: int, after: int) -> Outcome:
    """Of bytes, MACs or parameters: fewer is better."""
    if abs(after - before) <= _EQUAL * before:
        return "same"
    return "gained" if after < before else "lost"


def drop_outcome(drop: AccuracyDrop | ClassDrop) -> Outcome:
    """Of accuracy: only an interval without 0 shows a change."""
    return "lost" if drop.low > 0 else "gained" if drop.high < 0 else "same"


def timing_outcome(timing: LatencyComparison) -> Outcome:
    """Of latency: only an interval beyond the resolution shows a difference."""
    return _OF_TIMING[timing.speed_change]


def gate_sentence(result: GateResult) -> str:
    """The result in a sentence: "max-drop: 0.72 points (at most 1.33), limit 1.00: missed by 0.33"."""
    gap = abs(result.pessimistic - result.limit)
    # Two decimals, or more where the limit or the gap is so small that two would hide it.
    smallest = min((value for value in (abs(result.limit), gap) if value), default=1.0)
    needed = min(max(2, 1 - math.floor(math.log10(smallest) + 1e-9)), _MOST_DECIMALS)
    decimals = 0 if result.gate == "max-macs" else needed
    measured, pessimistic, limit, distance = (
        f"{value:,.{decimals}f}" for value in (result.measured, result.pessimistic, result.limit, gap)
    )
    end = "least" if result.gate == "min-speedup" else "most"
    interval = "" if result.pessimistic == result.measured else f" (at {end} {pessimistic})"
    least = 10.0**-decimals
    missed = f"missed by {distance if gap >= least else f'less than {least:.{decimals}f}'}"
    outcome = f"kept, {distance} to spare" if result.passed else missed
    return f"{result.gate}: {measured}{_UNITS[result.gate]}{interval}, limit {limit}: {outcome}"
