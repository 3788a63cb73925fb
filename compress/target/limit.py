"""A latency as the budget of a network."""

from dataclasses import replace

from compress.channels.budget import Prunable
from compress.errors import BadInputError, UsageError
from compress.settings.config import DecidedConfig
from compress.target.target import Target


def limit_latency(prunable: Prunable, config: DecidedConfig, target: Target) -> Prunable:
    """The same with the latency that the settings ask for as a limit, and counts that the target is fast at.

    With an ``align`` of the user's the counts stay. UsageError if the latency is out of reach, or the whole network
    has it already; BadInputError if the model is of another network.
    """
    expected = (len(prunable.model.layers), len(prunable.units.groups) + 1)
    if (len(target.latency.coefficients_L4), len(target.latency.rest_G)) != expected:
        raise BadInputError(
            "the latency model is of other layers than this version of compress finds in the network: use the version "
            "that made it (see env.json), or begin anew with --overwrite"
        )
    model = replace(prunable.model, latency=target.latency)
    budget = replace(prunable.budget, latency=_share(config, float(model.full_M[2])))
    limited = replace(prunable, model=model, budget=budget)
    if config.finer_align:
        limited = limited.with_fast_counts()
    limited.check_reachable()
    return limited


def _share(config: DecidedConfig, whole_ms: float) -> float:
    """The share of the whole network's milliseconds that the settings ask for."""
    if config.target_speedup is not None:
        return 1 / config.target_speedup
    assert config.target_latency_ms is not None
    if config.target_latency_ms >= whole_ms:
        raise UsageError(
            f"the whole network takes {whole_ms:.3g} ms a call: expected less for --target-latency-ms, got "
            f"{config.target_latency_ms:g}; it is fast enough as it is"
        )
    return config.target_latency_ms / whole_ms
