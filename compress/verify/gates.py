"""Gates: limits that a candidate must keep, judged by the pessimistic end of each interval."""

from dataclasses import dataclass


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
