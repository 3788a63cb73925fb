"""How a run's latency budget was met, from what its folder holds."""

from typing import Annotated

from pydantic import Field

from compress.channels.budget import Prunable
from compress.report.latency_facts import LatencyBudget
from compress.runs import RunFolder
from compress.runs.stage_context import LATENCY_CHECK, recorded_target
from compress.settings.config import DecidedConfig

_Check = dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)] | None]
"""``LatencyCheck`` as it is recorded."""


def latency_budget(
    run: RunFolder, config: DecidedConfig, prunable: Prunable, milliseconds: float | None
) -> LatencyBudget | None:
    """What was asked and predicted; ``milliseconds`` are predicted for the cut network. ``None``: no such budget."""
    target = recorded_target(run)
    if target is None or prunable.budget.latency is None or milliseconds is None:
        return None
    asked_ms = float(prunable.model.full_M[2]) * prunable.budget.latency
    original_ms = prunable.original_ms
    check = _check(run)
    facts = target.facts
    return LatencyBudget(
        asked="milliseconds" if config.target_latency_ms is not None else "speed-up",
        asked_ms=asked_ms,
        asked_speedup=original_ms / asked_ms,
        predicted_ms=milliseconds,
        predicted_speedup=original_ms / milliseconds,
        checked_speedup=check.get("ratio"),
        corrected=check.get("corrected_share") is not None,
        batch_size=facts.batch_size,
        threads=facts.threads,
        samples=facts.samples,
        error_median=facts.error_median,
        error_largest=facts.error_largest,
        machine=facts.machine,
        versions=facts.versions,
        device=facts.device,
        precision=facts.precision,
        int8_for=facts.int8_for,
    )


def corrected_share(run: RunFolder) -> float | None:
    """The share of the milliseconds that the network was cut to a second time; ``None`` if it was cut once."""
    return _check(run).get("corrected_share")


def _check(run: RunFolder) -> dict[str, float | None]:
    return run.read_json(LATENCY_CHECK, _Check) if run.has(LATENCY_CHECK) else {}
