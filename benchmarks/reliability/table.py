"""The results of ``benchmarks.reliability`` as Markdown."""

from collections.abc import Mapping
from typing import Any, Final

from compress.report.figures import plural

LEGEND: Final = """\
`make bench-reliability` attacks `compress` and goes on where it stopped. Every attack is one of a numbered case:
`python -m benchmarks.reliability --only "KIND" --case NUMBER` makes it again.

- **kills**: SIGKILL at a file operation (before it, after it, or with half of the file written) or at a random time;
  the next command is killed again, and so on. In the end the run is finished and compared with an undisturbed one:
  every file that does not hold times has to be the same, bit for bit, and nothing may be left behind."""


def page(results: Mapping[str, Any]) -> str:
    """The page: a row per kind, then every fault.

    Args:
        results: ``Record.as_dict``.
    """
    titles = ("Kind", "Cases", "Attacks", "How they ended", "Faults")
    rows = [titles, ("---", "---:", "---:", "---", "---:")]
    rows += [
        (kind, f"{tally['cases']:,}", f"{sum(tally['outcomes'].values()):,}", _ended(tally), str(len(tally["faults"])))
        for kind, tally in results["kinds"].items()
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "\n\n".join(["# Attacks on compress", LEGEND, table, _totals(results), *_faults(results), _made(results)])
        + "\n"
    )


def _ended(tally: Mapping[str, Any]) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally["outcomes"].items()))


def _totals(results: Mapping[str, Any]) -> str:
    """Attacks of each group of kinds, in a sentence."""
    groups: dict[str, int] = {}
    for kind, tally in results["kinds"].items():
        group = kind.partition(":")[0]
        groups[group] = groups.get(group, 0) + sum(tally["outcomes"].values())
    faults = sum(len(tally["faults"]) for tally in results["kinds"].values())
    counts = ", ".join(f"{count:,} {group}" for group, count in groups.items())
    return f"**{counts}; {plural(faults, 'case')} with faults.**"


def _faults(results: Mapping[str, Any]) -> list[str]:
    lines = [
        f"- {kind}, case {fault['case']}: {'; '.join(fault['faults'])}"
        for kind, tally in results["kinds"].items()
        for fault in tally["faults"]
    ]
    return ["## Faults", "\n".join(lines)] if lines else []


def _made(results: Mapping[str, Any]) -> str:
    days = " to ".join(dict.fromkeys([results["began"], results["ended"]]))
    versions = ", ".join(f"{name} {results['packages'][name]}" for name in ("torch", "onnxruntime", "numpy"))
    return f"Made {days} on {results['cpu']}; {versions}; commit {results['commit']}."
