"""Gates: limits that a candidate must keep, judged by the pessimistic end of each interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from compress.errors import CheckFailedError, UsageError
from compress.report.gate_words import say
from compress.report.results import AccuracyDrop, GateResult
from exporters.measure.comparison import LatencyComparison


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


def require(results: Iterable[GateResult]) -> None:
    """Raise unless every gate is kept.

    Raises:
        CheckFailedError: which gates were missed, and by how much; a line each.
    """
    missed = [f"{say(result)} ({result.network})" for result in results if not result.passed]
    if missed:
        raise CheckFailedError("\n".join(missed))
