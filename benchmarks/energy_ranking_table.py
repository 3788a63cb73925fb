"""The page of ``benchmarks.energy_ranking``."""

import statistics
from typing import Any

from scipy.stats import spearmanr


def page(results: dict[str, Any]) -> str:
    """Markdown: one row for each number of images, then what trained states ended as."""
    rows = [f"| {one['images']} | {one['correlation']:.2f} | {one['regret']:.3f} |" for one in results["ranking"]]
    machine = results["environment"]
    cpu, torch = machine["cpu"], machine["packages"]["torch"]
    lines = [
        "# What a low energy is worth",
        "",
        f"{results['arch']} at {results['keep_macs']:.0%} of the MACs, 48 states with random allocations, in the "
        f"trained original. Their energies spread by {results['spread']:.3f} (standard deviation); on 32 images, "
        f"relative to the other states on the same images, one state's scatters by {results['noise']:.3f}. "
        "Lost: how far the chosen state of 16 is above the best.",
        "",
        "| Images | Rank correlation with the energies on 512 others | Lost |",
        "|---:|---:|---:|",
        *rows,
        "",
        *_ends(results["trained"]),
        f"{results['date']}, {cpu['model']}, {cpu['cores']} cores, torch {torch}.",
        "",
    ]
    return "\n".join(lines)


def _ends(trained: list[dict[str, Any]]) -> list[str]:
    """What the trained states ended as; no lines if fewer than two random ones were trained."""
    tops, energies = by_state(trained), {row["state"]: row["energy"] for row in trained}
    drawn = [state for state in tops if state.isdigit()]
    if len(drawn) < 2:
        return []
    means = [statistics.mean(tops[state]) for state in drawn]
    between, within = spreads([tops[state] for state in drawn])
    correlation = float(spearmanr([energies[state] for state in drawn], means).statistic)
    worth = (
        f"Their networks differ by {between:.2f} points of Top-1 (standard deviation) because of the states, and by "
        f"{within:.2f} where the same state is trained in another order of the images."
        if within is not None
        else f"Their Top-1 scatters by {between:.2f} points (standard deviation)."
    )
    return [
        f"{len(drawn)} of the states were trained to the end. {worth} The rank correlation of a state's energy with "
        f"its mean Top-1 is {correlation:+.2f}: a low energy is worth something if that is near -1. States with a "
        "name are those that the run found, and that other methods chose in the trained original; state 0 is that of "
        "saliency, measured at once.",
        "",
        "| State | Energy | Top-1 in each order |",
        "|---:|---:|---:|",
        *(
            f"| {state} | {energies[state]:.3f} | {', '.join(f'{top1:.2f}' for top1 in tops[state])} |"
            for state in sorted(tops, key=lambda state: energies[state])
        ),
        "",
    ]


def by_state(trained: list[dict[str, Any]]) -> dict[str, list[float]]:
    """State -> Top-1 in each order of the images."""
    found: dict[str, list[float]] = {}
    for row in trained:
        found.setdefault(row["state"], []).append(row["top1"])
    return found


def spreads(tops: list[list[float]]) -> tuple[float, float | None]:
    """Standard deviations between states, without what scatters anyway, and of one state between its trainings.

    With one training of each, the first is what all have together and the second is ``None``.
    """
    means = statistics.variance([statistics.mean(found) for found in tops])
    if min(map(len, tops)) < 2:
        return means**0.5, None
    within = statistics.mean([statistics.variance(found) for found in tops])
    return max(0.0, means - within / len(tops[0])) ** 0.5, within**0.5
