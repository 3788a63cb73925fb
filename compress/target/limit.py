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
    limited = replace(prunable, model=replace(prunable.model, latency=target.latency))
    limited = replace(limited, budget=replace(limited.budget, latency=_share(config, limited, target)))
    if config.finer_align:
        limited = limited.with_fast_counts()
    limited.check_reachable()
    return limited


def _share(config: DecidedConfig, prunable: Prunable, target: Target) -> float:
    """The share of the whole network's milliseconds that the settings ask for, both in the target's precision."""
    whole_ms = float(prunable.model.full_M[2])
    what, enough = "the whole network", "it is fast enough as it is"
    if config.target_int8:
        processor = "" if target.facts.int8_for == "here" else f" --int8-for {target.facts.int8_for}"
        what, enough = f"{what} in INT8", f"compress export RUN --int8{processor} makes such a file, without pruning"
    if config.target_speedup is not None:
        alone = prunable.original_ms / whole_ms
        if config.target_speedup <= alone:
            raise UsageError(
                f"{what} is {alone:.2f}x as fast as the original: expected more for --target-speedup, got "
                f"{config.target_speedup:g}; {enough}"
            )
        return alone / config.target_speedup
    assert config.target_latency_ms is not None
    if config.target_latency_ms >= whole_ms:
        raise UsageError(
            f"{what} takes {whole_ms:.3g} ms a call: expected less for --target-latency-ms, got "
            f"{config.target_latency_ms:g}; {enough}"
        )
    return config.target_latency_ms / whole_ms
