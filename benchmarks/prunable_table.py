"""Tables of what can be pruned, from the results of ``benchmarks.prunable_share``."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

Rows = Mapping[str, Mapping[str, Any]]

CHANGED = 0.005
"""A network is listed on the page if its share changed by more than this."""

_LEGEND = """\
*Can go* is the share of its MACs that a network loses if every layer keeps as little as the tool allows: a tenth of its
channels, at no alignment or in multiples of 8. Each network has fresh weights; what trial cuts refuse stays, as in a
run. *Before*: bare parameters, groups of GroupNorm, unequal splits, padded shortcuts, `F.linear` in subclasses and
weights computed from others were not followed, and an error in a trial cut did not name the layers near it. What one
reason no longer holds, another may hold. Networks of more than 150 million parameters were left out; those measured
with one version only are not compared."""


def section(results: Mapping[str, Any]) -> str:
    """The section of the page: kinds of reasons, and the networks of which more (or less) can be pruned now."""
    before, after = _measured(results, "before"), _measured(results, "after")
    both = [name for name in before if name in after]
    changed = [name for name in both if abs(after[name]["shares"][0] - before[name]["shares"][0]) > CHANGED]
    new = [name for name in after if "refused" in results["before"].get(name, {})]
    parts = [
        "## How much can be pruned, and why the rest cannot",
        _LEGEND,
        f"Of {len(both)} networks measured with both versions, {len(changed)} changed by more than half a point. "
        f"Refused before, not now: {', '.join(new) or 'none'}. "
        f"Refused: {_refused(results['after'])}.",
        _table(("Network", "Can go before", "Can go now", "In multiples of 8, before", "Now"),
               [[name, *_cells(before[name], after[name])] for name in changed]),
        "What the smallest network keeps, as the mean share of the MACs, by the kind of reason:",
        _table(("Kind of reason: the channels cannot go because", "Before", "Now"), _kinds(before, after, both)),
        "All networks: `benchmarks/prunable_share.md`. Command: `python -m benchmarks.prunable_share after`, then "
        "`python -m benchmarks.support_matrix --table-only`. " + _versions(results),
    ]  # fmt: skip
    return "\n\n".join(parts)


def every_row(results: Mapping[str, Any]) -> str:
    """All networks in Markdown, with the reasons that hold most."""
    before, after = _measured(results, "before"), _measured(results, "after")
    titles = ("Network", "Can go before", "Now", "In multiples of 8, before", "Now", "What holds most of the rest")
    rows = []
    for name in dict.fromkeys([*before, *after]):
        latest = after.get(name) or before[name]
        most = sorted(latest["rest"].items(), key=lambda item: -item[1])[:2]
        held = "; ".join(f"{kind}: {share:.1%}" for kind, share in most)
        rows.append([name, *_cells(before.get(name), after.get(name)), held])
    refused = "\n".join(f"- {name}: {row['refused']}" for name, row in results["after"].items() if "refused" in row)
    return "\n\n".join(["# How much can be pruned", _LEGEND, _table(titles, rows), refused, _versions(results)]) + "\n"


def _measured(results: Mapping[str, Any], column: str) -> Rows:
    return {name: row for name, row in results[column].items() if "refused" not in row}


def _cells(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    pairs = [(row["shares"][place] if row else None) for place in (0, 1) for row in (before, after)]
    return ["-" if share is None else f"{share:.1%}" for share in pairs]


def _kinds(before: Rows, after: Rows, names: list[str]) -> list[list[str]]:
    means: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for place, rows in enumerate((before, after)):
        for name in names:
            for kind, share in rows[name]["rest"].items():
                means[kind][place] += share / len(names)
    ordered = sorted(means.items(), key=lambda item: -max(item[1]))
    return [[kind, *(f"{share:.2%}" for share in both)] for kind, both in ordered if max(both) >= 1e-4]


def _refused(rows: Rows) -> str:
    return (
        "; ".join(f"{name} ({row['refused'].split(';')[0]})" for name, row in rows.items() if "refused" in row) or "-"
    )


def _table(titles: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [list(titles), ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _versions(results: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in results.get("environment after", {}).items())
    commits = (results.get(f"commit {column}", "-").partition("+")[0][:10] for column in ("before", "after"))
    return f"Made with {packages}; commits {' and '.join(commits)}."
