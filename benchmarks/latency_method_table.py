"""What the benchmark of the latency method compares, and its results as Markdown."""

import statistics
from typing import Any

CHANNELS = 64
"""Of the equal layers."""

PAIRS = {
    "itself": ("squeezenet", "squeezenet"),
    "planted": ("20 layers", "22 layers"),
    "smaller": ("20 layers", "7 layers"),
}
"""What is compared: original and candidate. The weights of 7 layers fit a cache of 2 MiB, those of 20 do not."""
COLUMNS = ("Threads", "Neighbours", "Pair", "True ratio", "Intervals with it", "Verdicts", "Median interval", "CV")


def table(results: dict[str, Any]) -> str:
    """The results as Markdown, and what they were measured on."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    for outcome in results["outcomes"]:
        lows, ratios, highs = (statistics.median(column) for column in zip(*outcome["intervals"], strict=True))
        verdicts = {name: outcome["verdicts"].count(name) for name in dict.fromkeys(outcome["verdicts"])}
        lines.append(
            (
                str(outcome["threads"]),
                str(outcome["neighbours"]),
                _in_words(outcome["pair"]),
                f"{outcome['truth']:.3f}",
                f"{outcome['covering']} of {len(outcome['verdicts'])}",
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
        f"{results['macs_ratio']:.3f} times as fast); 7 layers fit the processor's cache, 20 do not. True: by long "
        "runs of each file alone in a process of its own, without neighbours."
    )


def _machine(results: dict[str, Any]) -> str:
    found, settings = results["environment"], results["settings"]
    versions = ", ".join(f"{name} {found['packages'][name]}" for name in ("onnxruntime", "torch", "numpy"))
    return (
        f"Measured on {results['date']} on {found['cpu']['model']}, {found['cpu']['cores']} cores "
        f"({' '.join(found['cpu']['isa'])}), commit {found['git']}, Python {found['python']}, {versions}; "
        f"{settings['min_seconds']} s a comparison in {settings['rounds']} rounds."
    )
