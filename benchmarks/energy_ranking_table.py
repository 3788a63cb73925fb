"""The page of ``benchmarks.energy_ranking``."""

from typing import Any

from compress.runs import STAGES

_NETWORKS = {STAGES[0]: "before the search", STAGES[2]: "after the search"}


def page(results: dict[str, Any]) -> str:
    """Markdown: one row for each network and number of images."""
    rows = [
        f"| {_NETWORKS[row['stage']]} | {row['spread']:.3f} | {row['noise']:.3f} | {one['images']} "
        f"| {one['correlation']:.2f} | {one['regret']:.3f} |"
        for row in results["rows"]
        for one in row["ranking"]
    ]
    machine = results["environment"]
    cpu, torch = machine["cpu"], machine["packages"]["torch"]
    return "\n".join(
        [
            "# How well energies rank states",
            "",
            f"{results['arch']} at {results['keep_macs']:.0%} of the MACs, 48 states with random allocations. Spread: "
            "standard deviation of the states' energies. Noise: standard deviation of one state's energy on 32 images, "
            "relative to the other states on the same images. Lost: how far the chosen state of 16 is above the best.",
            "",
            "| Network | Spread | Noise | Images | Rank correlation | Lost |",
            "|:---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"{results['date']}, {cpu['model']}, {cpu['cores']} cores, torch {torch}.",
            "",
        ]
    )
