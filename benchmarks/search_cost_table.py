"""The results of ``benchmarks.search_cost`` as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

LEGEND = """\
- **plain**: a step of training without a search.
- **naive**: the paper's algorithm as it is written down. P states at random, each judged by a forward pass over the
  whole mini-batch with its own mask; then a step of training with the best one.
- **ours**: a step of `Search`, the search of `compress run`, with its default settings. Its population has P members;
  P = 1 is `--method saliency`, the search without a population. Not every step has to judge states: the time is the
  mean over all steps from one generation to the next, in the middle of the search.

Mini-batches of {batch} images, one thread, float32, without a teacher. Each cell is a process of its own. The cells of
a network take turns: *ratio* is the median, over the rounds, of the time divided by the plain step's of the same round;
its range over the rounds follows. *Memory* is the largest resident set of the process, Python, torch and the
data set included."""

_GROWTH = {
    "P": "Growth with P: a generation beside training",
    "units": "Growth with the number of units: a generation beside training",
}
_GROWTH_LEGEND = (
    "One generation of ours: *energies* are the forward passes that judge the states, *repair* is all else: the new "
    "states, each brought to the budget. *States* are judged on as many *images* of the mini-batch each."
)


def table(results: Mapping[str, Any]) -> str:
    """The page: cells of every network, the two series, and the machine.

    Args:
        results: ``networks``: name -> ``image`` and ``cells``; ``growth``: series -> points; ``environment``, ``date``.
    """
    parts = ["# What a step of the search costs", LEGEND.format(batch=64)]
    for name, found in results["networks"].items():
        shape = " x ".join(map(str, found["image"]))
        parts += [f"## {name}, images of {shape}", _cells(found["cells"])]
    for series, points in results["growth"].items():
        parts += [f"## {_GROWTH[series]}", _GROWTH_LEGEND, _points(points)]
    return "\n\n".join([*parts, *([_machine(results)] if "environment" in results else [])]) + "\n"


def _cells(cells: Sequence[Mapping[str, Any]]) -> str:
    titles = ("Step", "P", "Ratio", "Range", "ms", "Images/s", "Memory, MiB", "Rounds")
    rows = [
        (
            cell["kind"],
            "-" if cell["kind"] == "plain" else str(cell["population"]),
            f"{cell['ratio']:.2f}",
            "{:.2f} to {:.2f}".format(*cell["ratio_range"]),
            f"{cell['milliseconds']:.0f}",
            f"{cell['images_per_second']:.0f}",
            f"{cell['peak_mib']:.0f}",
            str(cell["rounds"]),
        )
        for cell in cells
    ]
    return _markdown(titles, rows)


def _points(points: Sequence[Mapping[str, Any]]) -> str:
    titles = ("Network", "P", "Units", "Groups", "States", "Images", "Energies, ms", "Repair, ms")
    keys = ("network", "population", "units", "groups", "states", "images")
    rows = [
        (*(str(point[key]) for key in keys), f"{point['energies_ms']:.1f}", f"{point['repair_ms']:.1f}")
        for point in points
    ]
    return _markdown(titles, rows)


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ("---", *["---:"] * (len(titles) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine(results: Mapping[str, Any]) -> str:
    found = results["environment"]
    return (
        f"Command: `make bench-search`. Measured on {results['date']} on {found['cpu']['model']}, "
        f"{found['cpu']['cores']} cores ({' '.join(found['cpu']['isa'])}), {found['threads']} thread, commit "
        f"{found['git']}, Python {found['python']}, torch {found['packages']['torch']}."
    )
