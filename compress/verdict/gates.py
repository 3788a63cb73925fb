"""Gates: limits for a candidate, judged by the pessimistic end of each interval."""

from collections.abc import Iterable

from compress.errors import CheckFailedError
from compress.report.figures import gate_sentence
from compress.report.results import AccuracyDrop, GateResult
from compress.settings.verify import Gates
from exporters.measure.latency_results import LatencyComparison


def judge(
    gates: Gates, *, network: str, drop: AccuracyDrop, timing: LatencyComparison | None, size_bytes: int, macs: int
) -> tuple[GateResult, ...]:
    """Judge every gate of a row that has a limit, in the order of ``Gates``.

    ``timing`` is against the original, at the smallest batch and the fewest threads. CheckFailedError if there is
    none and a limit of latency is set.
    """
    megabytes = size_bytes / 1e6
    measured = {
        "max-drop": (gates.max_drop, drop.points, drop.high),
        "max-size-mb": (gates.max_size_mb, megabytes, megabytes),
        "max-macs": (gates.max_macs, macs, macs),
    }
    if timing is not None:
        measured["min-speedup"] = (gates.min_speedup, timing.ratio, timing.ratio_low)
        measured["max-latency-ms"] = (gates.max_latency_ms, timing.candidate.p50_ms, timing.candidate.p50_high_ms)
    elif gates.on_latency:
        raise CheckFailedError(
            f"expected the latency of {network} for --min-speedup and --max-latency-ms, got no measurement; "
            "try to time the files too, or leave these gates out"
        )
    names = (name.replace("_", "-") for name in Gates.model_fields)
    judged = ((gate, *measured[gate]) for gate in names if gate in measured)
    return tuple(
        GateResult(
            gate=gate,
            network=network,
            limit=limit,
            measured=value,
            pessimistic=pessimistic,
            passed=pessimistic >= limit if gate == "min-speedup" else pessimistic <= limit,
        )
        for gate, limit, value, pessimistic in judged
        if limit is not None
    )


def require(results: Iterable[GateResult]) -> None:
    """Raise CheckFailedError with a line for each gate that was missed, by how much."""
    missed = [f"{gate_sentence(result)} ({result.network})" for result in results if not result.passed]
    if missed:
        raise CheckFailedError("\n".join(missed))
