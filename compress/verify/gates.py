"""Gates: limits that a candidate must keep, judged by the pessimistic end of each interval."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

from compress.errors import CheckFailedError, UsageError

_UNITS: Final = {
    "max-drop": " points", "min-speedup": "x", "max-latency-ms": " ms", "max-size-mb": " MB", "max-macs": "",
}  # fmt: skip
_MOST_DECIMALS: Final = 6


class Estimate(NamedTuple):
    """A measured value and its 95 % interval."""

    value: float
    low: float
    high: float


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

    @property
    def need_latency(self) -> bool:
        """Whether a limit is one of latency."""
        return self.min_speedup is not None or self.max_latency_ms is not None


@dataclass(frozen=True)
class Measured:
    """What the gates look at, of one network.

    Attributes:
        network: label of its row.
        drop: points of Top-1 lost against the original.
        speedup: times as fast as the original, at the smallest batch and the fewest threads; ``None``: not measured.
        latency_ms: median milliseconds a call, at the same setting; ``None``: not measured.
        size_bytes: of the file, with its external data.
        macs: multiply-accumulates for one image.
    """

    network: str
    drop: Estimate
    speedup: Estimate | None
    latency_ms: Estimate | None
    size_bytes: int
    macs: int


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


def judge(gates: Gates, measured: Measured) -> tuple[GateResult, ...]:
    """Judge every gate that has a limit, in the order of ``Gates``.

    Raises:
        CheckFailedError: a limit of latency was asked for, and latency was not measured: no gate passes unseen.
    """
    if gates.need_latency and (measured.speedup is None or measured.latency_ms is None):
        raise CheckFailedError(
            f"expected the latency of {measured.network} for --min-speedup and --max-latency-ms, "
            "got no measurement; try to time the files too, or leave these gates out"
        )
    return tuple(_results(gates, measured))


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


def _results(gates: Gates, measured: Measured) -> Iterator[GateResult]:
    def result(gate: str, limit: float, value: float, pessimistic: float) -> GateResult:
        passed = pessimistic >= limit if gate == "min-speedup" else pessimistic <= limit
        return GateResult(gate, measured.network, limit, value, pessimistic, passed)

    if gates.max_drop is not None:
        yield result("max-drop", gates.max_drop, measured.drop.value, measured.drop.high)
    if gates.min_speedup is not None and measured.speedup is not None:
        yield result("min-speedup", gates.min_speedup, measured.speedup.value, measured.speedup.low)
    if gates.max_latency_ms is not None and measured.latency_ms is not None:
        yield result("max-latency-ms", gates.max_latency_ms, measured.latency_ms.value, measured.latency_ms.high)
    if gates.max_size_mb is not None:
        megabytes = measured.size_bytes / 1e6
        yield result("max-size-mb", gates.max_size_mb, megabytes, megabytes)
    if gates.max_macs is not None:
        yield result("max-macs", gates.max_macs, measured.macs, measured.macs)


def _decimals(limit: float, gap: float) -> int:
    """Two, or more where the limit or the gap is so small that two would hide it."""
    smallest = min((value for value in (abs(limit), gap) if value), default=1.0)
    return min(max(2, 1 - math.floor(math.log10(smallest) + 1e-9)), _MOST_DECIMALS)


def _at_least(gap: float, decimals: int) -> str:
    smallest = 10.0**-decimals
    return f"{gap:,.{decimals}f}" if gap >= smallest else f"less than {smallest:.{decimals}f}"
