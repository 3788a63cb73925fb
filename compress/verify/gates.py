"""Gates: limits that a candidate must keep, judged by the pessimistic end of each interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from compress.errors import CheckFailedError, UsageError
from compress.verify.accuracy import AccuracyDrop
from exporters.measure.comparison import LatencyComparison

_UNITS: Final = {
    "max-drop": " points", "min-speedup": "x", "max-latency-ms": " ms", "max-size-mb": " MB", "max-macs": "",
}  # fmt: skip
_MOST_DECIMALS: Final = 6


@dataclass(frozen=True)
class Gates:
    """Limits; ``None`` is no limit.

    Attributes:
        max_drop: points of Top-1.
        min_speedup: times as fast as the original, at the smallest batch and the fewest threads measured.
        max_latency_ms: median milliseconds a call, at the same setting.
        max_size_mb: of the file, in 10^6 bytes.
        max_macs: multiply-accumulates for one image.
    """

    max_drop: float | None = None
    min_speedup: float | None = None
    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    max_macs: int | None = None

    @property
    def on_latency(self) -> bool:
        """Whether a limit is one of time."""
        return self.min_speedup is not None or self.max_latency_ms is not None

    def __post_init__(self) -> None:
        """Refuse limits that nothing can keep.

        Raises:
            UsageError: a limit is not a finite number, or one of a time, a size or a ratio is not above 0.
        """
        for field in fields(self):
            limit = getattr(self, field.name)
            may_be_negative = field.name == "max_drop"  # a gain may be asked for
            if limit is not None and not (math.isfinite(limit) and (may_be_negative or limit > 0)):
                wanted = "a finite number" if may_be_negative else "a finite number above 0"
                raise UsageError(f"expected {wanted} for --{field.name.replace('_', '-')}, got {limit}")


@dataclass(frozen=True)
class GateResult:
    """One gate, judged.

    Attributes:
        gate: "max-drop", "min-speedup", "max-latency-ms", "max-size-mb" or "max-macs".
        network: label of the row that was judged.
        limit: what was asked for, in the gate's unit.
        measured: the value found, in the same unit.
        pessimistic: the end of its interval that was compared with the limit; the value itself where it is exact.
        passed: whether the limit is kept.
    """

    gate: str
    network: str
    limit: float
    measured: float
    pessimistic: float
    passed: bool


def judge(
    gates: Gates,
    *,
    network: str,
    drop: AccuracyDrop,
    timing: LatencyComparison | None,
    size_bytes: int,
    macs: int,
) -> tuple[GateResult, ...]:
    """Judge every gate that has a limit, in the order of ``Gates``.

    Args:
        gates: the limits.
        network: label of the row that is judged.
        drop: its Top-1 against the original.
        timing: against the original, at the smallest batch and the fewest threads; ``None``: not measured.
        size_bytes: of its file, with external data.
        macs: multiply-accumulates for one image.

    Raises:
        CheckFailedError: a limit of latency was asked for, and latency was not measured: no gate passes unseen.
    """
    if timing is None and gates.on_latency:
        raise CheckFailedError(
            f"expected the latency of {network} for --min-speedup and --max-latency-ms, got no measurement; "
            "try to time the files too, or leave these gates out"
        )
    megabytes = size_bytes / 1e6
    judged = [
        ("max-drop", gates.max_drop, drop.points, drop.high),
        *(_on_time(gates, timing) if timing is not None else ()),
        ("max-size-mb", gates.max_size_mb, megabytes, megabytes),
        ("max-macs", gates.max_macs, macs, macs),
    ]
    return tuple(
        GateResult(
            gate=gate,
            network=network,
            limit=limit,
            measured=measured,
            pessimistic=pessimistic,
            passed=pessimistic >= limit if gate == "min-speedup" else pessimistic <= limit,
        )
        for gate, limit, measured, pessimistic in judged
        if limit is not None
    )


def _on_time(gates: Gates, timing: LatencyComparison) -> tuple[tuple[str, float | None, float, float], ...]:
    candidate = timing.candidate
    return (
        ("min-speedup", gates.min_speedup, timing.ratio, timing.ratio_low),
        ("max-latency-ms", gates.max_latency_ms, candidate.p50_ms, candidate.p50_high_ms),
    )


def say(result: GateResult) -> str:
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


def require(results: Iterable[GateResult]) -> None:
    """Raise unless every gate is kept.

    Raises:
        CheckFailedError: which gates were missed, and by how much; a line each.
    """
    missed = [f"{say(result)} ({result.network})" for result in results if not result.passed]
    if missed:
        raise CheckFailedError("\n".join(missed))


def _decimals(limit: float, gap: float) -> int:
    """Two, or more where the limit or the gap is so small that two would hide it."""
    smallest = min((value for value in (abs(limit), gap) if value), default=1.0)
    return min(max(2, 1 - math.floor(math.log10(smallest) + 1e-9)), _MOST_DECIMALS)


def _at_least(gap: float, decimals: int) -> str:
    smallest = 10.0**-decimals
    return f"{gap:,.{decimals}f}" if gap >= smallest else f"less than {smallest:.{decimals}f}"
