"""The results of ``benchmarks.ablation`` as Markdown."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.ablation_variants import DEFAULT
from compress.report.figures import hundredths, percent, plural
from compress.report.race.budget import CellBudget
from compress.settings.fields import in_words

TOLERATED_POINTS = 2.0
"""A run has collapsed if it is more than this below the median of its variant's seeds."""

Rows = Sequence[Mapping[str, Any]]

LEGEND = """\
Each row changes one setting of the default and keeps all others. All rows of a seed share the images' order, the
original and the epochs before the search. `make bench-ablation` makes the runs; the column *setting* is what to add to
`compress run`.

- **Top-1**: of the pruned network, in percent of the test images, for each seed.
- **Against the default**: the mean over the seeds of a run's Top-1 minus that of the default with the same seed, in
  points. *Lowest to highest* is its range over the seeds.
- **MACs**: what the pruned network has of the original's, mean over the seeds.

What a step of the search costs is in `benchmarks/search_cost.md`.

**What one seed says.** Two trainings of the same network with other random numbers differ by some tenths of a point.
Below each table is how far such differences scatter. A mean within twice its scatter shows nothing, and among thirty
variants one is further away by chance. All differences share the default's runs: if those were lucky, all are low.

**Two settings have limits.** A short search changes its state about 25 times, however long the period.
BatchNorm's variant is left out where a network has no BatchNorm."""


def page(results: Mapping[str, Any]) -> str:
    """The page: one table per network, budget and image size.

    Args:
        results: ``tables``: each with the ``settings`` of all its rows, and ``rows``: ``variant``, ``changes``,
            ``seed``, ``top1`` in percent (``None``: the run failed, ``reason``), and more of ``ablation.measure``.
    """
    sections = [section(table["settings"], table["rows"]) for table in results["tables"]]
    return "\n\n".join(["# What each part of the search is worth", LEGEND, *sections]) + "\n"


def section(settings: Mapping[str, Any], rows: Rows) -> str:
    """One table, with its settings above and what its numbers are worth below."""
    budget = CellBudget("keep_macs", settings["keep_macs"]).words
    title = f"## {settings['arch']}, {budget}, images of {settings['image_size']} pixels"
    seeds = sorted({row["seed"] for row in rows})
    titles = ("Variant", "Setting", f"Top-1, seed {', '.join(map(str, seeds))}", "Against the default",
              "Lowest to highest", "MACs")  # fmt: skip
    lines = [titles, ("---", "---", *["---:"] * 4), *_lines(rows, seeds)]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([title, _in_words(settings, rows), body, scatter(rows), guard(rows), _machine(rows)])


def differences(rows: Rows, variant: str) -> list[float]:
    """Points of Top-1 above the default with the same seed, for each seed that has both."""
    default = _of(rows, DEFAULT)
    return [top1 - default[seed] for seed, top1 in _of(rows, variant).items() if seed in default]


def spread(rows: Rows) -> float | None:
    """How far one seed's difference scatters, in points: the standard deviation within variants, pooled.

    ``None`` if no variant has two seeds.
    """
    found = [differences(rows, name) for name in _variants(rows) if name != DEFAULT]
    freedom = sum(len(points) - 1 for points in found if len(points) > 1)
    squares = sum((len(points) - 1) * statistics.variance(points) for points in found if len(points) > 1)
    return math.sqrt(squares / freedom) if freedom else None


def scatter(rows: Rows) -> str:
    """How far differences scatter, in a sentence."""
    points = spread(rows)
    if _variants(rows) == [DEFAULT]:
        return "No setting of this default was changed."
    if points is None:
        return "One seed so far: differences may be chance."
    seeds = max(len(differences(rows, name)) for name in _variants(rows))
    return (
        f"One seed's difference to the default scatters by {points:.2f} points (standard deviation), a mean of "
        f"{plural(seeds, 'seed')} by {points / math.sqrt(seeds):.2f}."
    )


def guard(rows: Rows) -> str:
    """Whether a run collapsed, in a sentence."""
    failed = [f"{row['variant']}, seed {row['seed']} ({row['reason']})" for row in rows if row["top1"] is None]
    gaps = {
        name: statistics.median(found) - min(found)
        for name in _variants(rows)
        if len(found := [*_of(rows, name).values()]) > 1
    }
    bad = [f"{name} ({gap:.2f} below)" for name, gap in gaps.items() if gap > TOLERATED_POINTS]
    rule = f"the worst seed of a variant is at most {TOLERATED_POINTS:g} points below the variant's median"
    if failed or bad:
        return f"**Guard missed:** {'; '.join([*bad, *failed])}. The rule: {rule}."
    if not gaps:
        return "The guard against collapsed runs needs two seeds of a variant."
    widest = max(gaps, key=lambda name: gaps[name])
    return f"Guard kept: {rule}. The largest distance is {gaps[widest]:.2f} ({widest})."


def _lines(rows: Rows, seeds: Sequence[int]) -> Iterator[tuple[str, ...]]:
    for name in _variants(rows):
        mine, found, points = [row for row in rows if row["variant"] == name], _of(rows, name), differences(rows, name)
        compared, macs = name != DEFAULT and points, [row["kept_macs"] for row in mine if row["top1"] is not None]
        yield (
            name,
            _flags(mine[0]["changes"]),
            ", ".join(hundredths(found[seed]) if seed in found else "-" for seed in seeds),
            f"{statistics.mean(points):+.2f}" if compared else "-",
            f"{min(points):+.2f} to {max(points):+.2f}" if compared else "-",
            percent(statistics.mean(macs)) if macs else "-",
        )


def _variants(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["variant"] for row in rows))


def _of(rows: Rows, variant: str) -> dict[int, float]:
    """Seed -> Top-1 of the finished runs of a variant."""
    return {row["seed"]: row["top1"] for row in rows if row["variant"] == variant and row["top1"] is not None}


def _flags(changes: Mapping[str, Any]) -> str:
    """Settings as flags of ``compress run``."""
    words = []
    for name, value in changes.items():
        flag = name.replace("_", "-")
        if value is False:
            words.append(f"--no-{flag}")
        elif isinstance(value, Mapping):
            parts = (f"{key}={one if one is not False else 'no'}" for key, one in value.items())
            words.append(f"--{flag} {','.join(parts)}")
        else:
            words.append(f"--{flag} {value}")
    return f"`{' '.join(words)}`" if words else "-"


def _in_words(settings: Mapping[str, Any], rows: Rows) -> str:
    found = {row["seed"]: row["original_top1"] for row in rows if row["top1"] is not None}
    originals = ", ".join(f"{top1:.2f} (seed {seed})" for seed, top1 in sorted(found.items()))
    threads = plural(settings["threads"], "thread")
    search = ", ".join(f"{name} {in_words(value)}" for name, value in settings["search"].items())
    given = f"given weights ({settings['weights']}), " if "weights" in settings else ""
    return (
        f"Data set {settings['dataset']}, {given}{plural(settings['epochs'], 'epoch')}, learning rate "
        f"{settings['lr']:g}, search and push from epoch {settings['search_start'] + 1} to {settings['search_end']}, "
        f"{threads}, channels in multiples of {settings['align']}. The default has a population of "
        f"{settings['population']} and {search}. "
        f"Top-1 of the originals: {originals}."
    )


def _machine(rows: Rows) -> str:
    dates = sorted(row["date"] for row in rows)
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
    packages = ("torch", "torchvision", "onnxruntime", "numpy")
    versions = [f"Python {row['python']}, {', '.join(f'{name} {row[name]}' for name in packages)}" for row in rows]
    commits = [f"{row['commit'][:10]}{row['commit'][40:]}" if row["commit"] else "unknown" for row in rows]
    columns = [row["cpu"] for row in rows], versions, commits
    on, of, at = (" and ".join(dict.fromkeys(column)) for column in columns)
    return f"Measured {when} on {on}; {of}; commit {at}."
