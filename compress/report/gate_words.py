"""A judged gate as a sentence."""

import math
from typing import Final

from compress.report.results import GateResult

_MOST_DECIMALS: Final = 6
_UNITS: Final = {
    "max-drop": " points", "min-speedup": "x", "max-latency-ms": " ms", "max-size-mb": " MB", "max-macs": "",
}  # fmt: skip


def gate_sentence(result: GateResult) -> str:
    """The result in a sentence: "max-drop: 0.72 points (at most 1.33), limit 1.00: missed by 0.33"."""
    gap = abs(result.pessimistic - result.limit)
    decimals = 0 if result.gate == "max-macs" else _decimals(result.limit, gap)

    def number(value: float) -> str:
        return f"{value:,.{decimals}f}"

    exact = result.pessimistic == result.measured
    end = "least" if result.gate == "min-speedup" else "most"
    interval = "" if exact else f" (at {end} {number(result.pessimistic)})"
    outcome = f"kept, {number(gap)} to spare" if result.passed else f"missed by {_at_least(gap, decimals)}"
    return (
        f"{result.gate}: {number(result.measured)}{_UNITS[result.gate]}{interval}, "
        f"limit {number(result.limit)}: {outcome}"
    )


def _decimals(limit: float, gap: float) -> int:
    """Two, or more where the limit or the gap is so small that two would hide it."""
    smallest = min((value for value in (abs(limit), gap) if value), default=1.0)
    return min(max(2, 1 - math.floor(math.log10(smallest) + 1e-9)), _MOST_DECIMALS)


def _at_least(gap: float, decimals: int) -> str:
    smallest = 10.0**-decimals
    return f"{gap:,.{decimals}f}" if gap >= smallest else f"less than {smallest:.{decimals}f}"
