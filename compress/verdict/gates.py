"""Gates: limits for a candidate, judged by the pessimistic end of each interval."""

from collections.abc import Iterable

from compress.errors import CheckFailedError
from compress.report.outcomes import gate_sentence
from compress.report.results import AccuracyDrop, GateResult
from compress.settings.verify import Gates
from exporters.measure.comparison import LatencyComparison


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
        CheckFailedError: a limit of latency is set, and latency was not measured.
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
    missed = [f"{gate_sentence(result)} ({result.network})" for result in results if not result.passed]
    if missed:
        raise CheckFailedError("\n".join(missed))
