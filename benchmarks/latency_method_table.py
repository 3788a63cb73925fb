"""The pairs of the latency benchmark, and its results as Markdown."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

CHANNELS = 64
"""Of the equal layers."""

PAIRS = {
    "itself": ("squeezenet", "squeezenet"),
    "planted": ("20 layers", "22 layers"),
    "smaller": ("20 layers", "7 layers"),
}
"""Original and candidate. The weights of 7 layers fit a cache of 2 MiB, those of 20 do not."""
COLUMNS = ("Threads", "Neighbours", "Pair", "Alone", "Intervals that meet it", "Verdicts", "Median interval", "CV")


class Span(NamedTuple):
    """A ratio and its interval."""

    low: float
    value: float
    high: float


def alone_ratio(pair: str, alone: Mapping[str, Sequence[float]]) -> Span:
    """How many times as fast the second file is as the first, each measured alone; 1 for a file against itself.

    Args:
        pair: a name of ``PAIRS``.
        alone: file -> milliseconds of its long runs.

    Returns:
        Smallest, median and largest ratio; with six runs the range contains the true median with a probability of
        1 - 2 / 2^6 = 97 %.
    """
    original, candidate = PAIRS[pair]
    ratios = [before / after for before, after in zip(alone[original], alone[candidate], strict=True)]
    return Span(min(ratios), statistics.median(ratios), max(ratios))


def meeting(truth: Span, intervals: Sequence[Sequence[float]]) -> int:
    """How many of the intervals (low, ratio, high) overlap the true one."""
    return sum(low <= truth.high and truth.low <= high for low, _ratio, high in intervals)


def table(results: dict[str, Any]) -> str:
    """The results as Markdown, with the machine."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    for outcome in results["outcomes"]:
        truth = alone_ratio(outcome["pair"], results["alone"][str(outcome["threads"])])
        lows, ratios, highs = (statistics.median(column) for column in zip(*outcome["intervals"], strict=True))
        verdicts = {name: outcome["verdicts"].count(name) for name in dict.fromkeys(outcome["verdicts"])}
        lines.append(
            (
                str(outcome["threads"]),
                str(outcome["neighbours"]),
                _in_words(outcome["pair"]),
                "1" if truth.low == truth.high else f"{truth.value:.3f} [{truth.low:.3f}, {truth.high:.3f}]",
                f"{meeting(truth, outcome['intervals'])} of {len(outcome['verdicts'])}",
                ", ".join(f"{count} {name}" for name, count in verdicts.items()),
                f"{ratios:.3f} [{lows:.3f}, {highs:.3f}]",
                f"{statistics.median(outcome['variation']):.3f}",
            )
        )
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"# Is the verdict on latency right?\n\n{_explanation(results)}\n\n{body}\n\n{_machine(results)}\n"


def _in_words(pair: str) -> str:
    original, candidate = PAIRS[pair]
    return "a file against itself" if original == candidate else f"{candidate} against {original.split()[0]}"


def _explanation(results: dict[str, Any]) -> str:
    return (
        "`compare_latency` at batch 1, with busy neighbours (processes that multiply matrices) or without. The file "
        "against itself is SqueezeNet on 48x48 pixels; the others are stacks of equal 3x3 convolutions of "
        f"{CHANNELS} channels. The planted slow-down of 10 % is two layers more than 20 (by multiply-accumulates "
        f"{results['macs_ratio']:.3f} times as fast); 7 layers fit the processor's cache, 20 do not. Alone: by long "
        "runs of each file alone in a process of its own, without neighbours; median, least and largest of six."
    )


def _machine(results: dict[str, Any]) -> str:
    found, settings = results["environment"], results["settings"]
    versions = ", ".join(f"{name} {found['packages'][name]}" for name in ("onnxruntime", "torch", "numpy"))
    return (
        f"Measured on {results['date']} on {found['cpu']['model']}, {found['cpu']['cores']} cores "
        f"({' '.join(found['cpu']['isa'])}), commit {found['git']}, Python {found['python']}, {versions}; "
        f"{settings['min_seconds']} s a comparison in {settings['rounds']} rounds."
    )
