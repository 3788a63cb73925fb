"""Gates: limits for a candidate, judged by the pessimistic end of each interval."""

from collections.abc import Iterable, Mapping

from compress.errors import CheckFailedError, UsageError
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
        _result(gate, network, limit, value, pessimistic)
        for gate, limit, value, pessimistic in judged
        if limit is not None
    )


def judge_int8(limit: float | None, drops: Mapping[str, AccuracyDrop]) -> tuple[GateResult, ...]:
    """Judge every INT8 file, by its label, against the file it was made from; UsageError if there is none to judge."""
    if limit is None:
        return ()
    if not drops:
        raise UsageError("--max-int8-drop judges INT8 files: make one first, with compress export RUN --int8")
    return tuple(_result("max-int8-drop", label, limit, drop.points, drop.high) for label, drop in drops.items())


def _result(gate: str, network: str, limit: float, measured: float, pessimistic: float) -> GateResult:
    passed = pessimistic >= limit if gate == "min-speedup" else pessimistic <= limit
    return GateResult(gate, network, limit, measured, pessimistic, passed)


def require(results: Iterable[GateResult]) -> None:
    """Raise CheckFailedError with a line for each gate that was missed, by how much."""
    missed = [f"{gate_sentence(result)} ({result.network})" for result in results if not result.passed]
    if missed:
        raise CheckFailedError("\n".join(missed))
