"""The tables of a race: the methods at every budget, and MACs against latency as the budget."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from compress.report import figures
from compress.report.race.model import CellResult, RaceReport
from compress.report.race.standings import (
    LeadOverSeeds,
    SeedValues,
    Standing,
    find_standings,
    has_both_kinds,
    original_results,
    original_top1,
)
from compress.report.sections import Table
from compress.runs import STAGES
from compress.runs.recorded_inputs import ORIGINAL

_RUN: Final = STAGES[:5]  # the stages that make a network, without export and verdict


def race_tables(report: RaceReport) -> tuple[Table, ...]:
    """For every budget its methods, best first, below the original that was trained for as many epochs.

    In a race with both kinds of budget a last table has each method's networks side by side.
    """
    timing = report.timing
    timed = f", {figures.setting(timing.batch_size, timing.threads)}" if timing else ""
    note = (
        "MACs and parameters kept and Top-1 in percent; Top-1: mean over seeds; seeds: half of its 95 % t-interval, or "
        "the values of up to two seeds; lost: points lost against the original of the same seed, trained for as many "
        f"epochs; against: points above {report.leader}, shown like seeds; p<0.05: seeds with a significant difference "
        "by McNemar's test, for example 2+ 1-: better in two, worse in one; faster: times as fast as the "
        f"original{timed}; min: minutes of one run without export and verdict"
    )
    methods = tuple(
        Table(
            title=f"Methods at {budget.words}",
            note="" if number else note,
            columns=("method", "MACs", "Top-1", "seeds", "lost", "against", "p<0.05", "faster", "params", "min"),
            rows=(*_original_row(report), *map(_row, standings)),
            words=frozenset({"seeds"}),
        )
        for number, (budget, standings) in enumerate(find_standings(report).items())
    )
    return (*methods, _budgets_table(report)) if has_both_kinds(report) else methods


def _budgets_table(report: RaceReport) -> Table:
    """Every method at every budget, the fastest first: which kind of budget gives the faster file?"""
    by_method: dict[str, list[Standing]] = {}
    for standings in find_standings(report).values():
        for standing in standings:
            by_method.setdefault(standing.method, []).append(standing)
    return Table(
        title="MACs or latency as the budget",
        note="each method's networks, the fastest first; columns as above",
        columns=("method", "budget", "faster", "Top-1", "seeds", "lost", "MACs"),
        rows=tuple(
            _budget_row(standing)
            for standings in by_method.values()
            for standing in sorted(standings, key=lambda one: _speedup(one) or 0.0, reverse=True)
            if standing.results
        ),
        words=frozenset({"budget", "seeds"}),
    )


def _budget_row(standing: Standing) -> tuple[str, ...]:
    _method, macs, top1, seeds, lost, _against, _significant, faster, *_rest = _row(standing)
    return standing.method, standing.budget.words, faster, top1, seeds, lost, macs


def _original_row(report: RaceReport) -> Iterator[tuple[str, ...]]:
    if results := original_results(report):
        top1 = original_top1(results)
        row = ("original", "100.0", _two(top1.mean), _spread(top1), "0.00", "-", "-", "1.00x", "100.0")
        yield (*row, _minutes(results, ORIGINAL))


def _row(standing: Standing) -> tuple[str, ...]:
    results, lead = standing.results, standing.lead
    if not results:
        return standing.method, "-", "-", standing.cells[0].outcome, *["-"] * 6
    missing = [cell.outcome for cell in standing.cells if cell.result is None]
    speedup = _speedup(standing)
    return (
        standing.method,
        f"{100 * fmean(result.kept_macs for result in results):.1f}",
        _two(standing.top1.mean),
        _spread(standing.top1) + "".join(f"; {missing.count(name)} {name}" for name in dict.fromkeys(missing)),
        _two(fmean(result.drop.points for result in results)),
        _against(lead.points) if lead else "-",
        _significant(lead) if lead else "-",
        f"{speedup:.2f}x" if speedup else "-",
        f"{100 * fmean(result.kept_parameters for result in results):.1f}",
        _minutes(results, _RUN),
    )


def _speedup(standing: Standing) -> float | None:
    """How many times as fast as the original, the mean of the timed cells; ``None`` if there are none."""
    ratios = [result.timing.ratio for result in standing.results if result.timing is not None]
    return fmean(ratios) if ratios else None


def _minutes(results: Sequence[CellResult], stages: tuple[str, ...]) -> str:
    """Mean duration of these stages; a method that needs the shape of another run does not count that run."""
    seconds = [value for result in results for stage, value in result.seconds.items() if stage in stages]
    return f"{sum(seconds) / len(results) / 60:.1f}"


def _spread(values: SeedValues) -> str:
    """Half of the interval over seeds, or the values if there are too few for one."""
    if values.interval is None:
        return ", ".join(map(_two, values.values))
    low, high = values.interval
    return f"± {(high - low) / 2:.2f}"


def _against(points: SeedValues) -> str:
    if points.interval is None:
        return ", ".join(f"{value:+.2f}" for value in points.values)
    return f"{points.mean:+.2f} {_spread(points)}"


def _significant(lead: LeadOverSeeds) -> str:
    """2+ 1-, or 0 for none."""
    return " ".join(f"{count}{sign}" for count, sign in ((lead.better, "+"), (lead.worse, "-")) if count) or "0"


def _two(value: float) -> str:
    """Two decimals; never -0.00."""
    return f"{round(value, 2) + 0.0:.2f}"
