"""A race as a document: who is first, the plots, a table for each budget, the conditions in sentences."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from compress.report import figures
from compress.report.fact_tables import machine_words
from compress.report.plots.race import Entry, draw_budget, draw_race
from compress.report.plots.tradeoff import Span
from compress.report.race.model import CellResult, RaceReport
from compress.report.race.sentences import headlines, notes
from compress.report.race.standings import (
    Duel,
    Spread,
    Standing,
    budget_name,
    find_standings,
    minutes_of,
    original_results,
)
from compress.report.sections import Document, Plot, Section, Table

_DASH: Final = "-"
_MARKS: Final = (
    "Large marks are means over seeds, small marks single runs; lines are 95 % t-intervals of the mean, or the range "
    "of up to two seeds. The dashed line and its band are the original, trained for as many epochs. Each plot has its "
    "own scale."
)

_Cost = Callable[[CellResult], float | None]


def race_document(report: RaceReport) -> Document:
    """The whole race; the same race gives the same document."""
    machine = machine_words(report.environment, report.session)
    return Document(
        command="race",
        title=report.name,
        headlines=headlines(report),
        sections=(
            Section("Accuracy over work and latency", plots=tuple(_plots(report))),
            Section("Race", tables=race_tables(report)),
            Section("Notes", texts=(*notes(report), f"Measured on {machine}.")),
        ),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
    )


def race_tables(report: RaceReport) -> tuple[Table, ...]:
    """For every budget its methods, best first, below the original that was trained for as many epochs."""
    timing = next((cell.result.timing for cell in report.cells if cell.result and cell.result.timing), None)
    timed = f", {figures.setting(timing.batch_size, timing.threads)}" if timing else ""
    note = (
        "MACs and parameters kept and Top-1 in percent; Top-1: mean over seeds; seeds: half of its 95 % t-interval, or "
        "the values of up to two seeds; lost: points lost against the original of the same seed, trained for as many "
        f"epochs; against: points above {report.leader}, shown like seeds; p<0.05: seeds with a significant difference "
        "by McNemar's test, for example 2+ 1-: better in two, worse in one; faster: times as fast as the "
        f"original{timed}; min: minutes of one run without export and verdict"
    )
    standings = find_standings(report)
    return tuple(
        Table(
            title=f"Methods at {budget_name(budget)}",
            note="" if number else note,
            columns=("method", "MACs", "Top-1", "seeds", "lost", "against", "p<0.05", "faster", "params", "min"),
            rows=(*_original_row(report), *(_row(one) for one in standings if one.keep_macs == budget)),
            words=frozenset({"seeds"}),
        )
        for number, budget in enumerate(dict.fromkeys(one.keep_macs for one in standings))
    )


def _original_row(report: RaceReport) -> Iterator[tuple[str, ...]]:
    results = original_results(report)
    if results:
        top1 = Spread(tuple(100 * result.original_top1.value for result in results))
        minutes = Spread(tuple(minutes_of(result, ("01", "02")) for result in results)).mean
        row = ("original", "100.0", _two(top1.mean), _spread(top1), "0.00", _DASH, _DASH, "1.00x", "100.0")
        yield (*row, f"{minutes:.1f}")


def _row(standing: Standing) -> tuple[str, ...]:
    if standing.top1 is None:
        return standing.method, _DASH, _DASH, standing.cells[0].outcome, *[_DASH] * 6
    duel, ratio = standing.duel, standing.ratio
    missing = [cell.outcome for cell in standing.cells if cell.result is None]
    return (
        standing.method,
        f"{100 * standing.kept_macs:.1f}",
        _two(standing.top1.mean),
        _spread(standing.top1) + "".join(f"; {missing.count(name)} {name}" for name in dict.fromkeys(missing)),
        _two(standing.lost.mean),
        _against(duel.points) if duel else _DASH,
        _significant(duel) if duel else _DASH,
        f"{ratio.mean:.2f}x" if ratio else _DASH,
        f"{100 * standing.kept_parameters:.1f}",
        f"{standing.minutes:.1f}",
    )


def _spread(spread: Spread) -> str:
    """Half of the interval over seeds, or the values if there are too few for one."""
    if spread.interval is None:
        return ", ".join(map(_two, spread.values))
    low, high = spread.interval
    return f"± {(high - low) / 2:.2f}"


def _against(points: Spread) -> str:
    if points.interval is None:
        return ", ".join(f"{value:+.2f}" for value in points.values)
    return f"{points.mean:+.2f} {_spread(points)}"


def _significant(duel: Duel) -> str:
    """2+ 1-, or 0 for none."""
    sides = (f"{duel.better}+" if duel.better else "", f"{duel.worse}-" if duel.worse else "")
    return " ".join(side for side in sides if side) or "0"


def _two(value: float) -> str:
    """Two decimals; never -0.00."""
    return f"{round(value, 2) + 0.0:.2f}"


def _plots(report: RaceReport) -> Iterator[Plot]:
    """Top-1 at every budget, then over latency: all budgets together, and each at its own scale."""
    results = original_results(report)
    if not results:
        return
    original = Spread(tuple(100 * result.original_top1.value for result in results))
    budgets = _by_budget(_entries(report, lambda result: 100 * result.kept_macs))
    for number, (budget, entries) in enumerate(budgets.items()):
        low, high = min(entry.cost[1] for entry in entries), max(entry.cost[2] for entry in entries)
        yield Plot(
            title=f"Accuracy at {budget}",
            description=_description(f"at {budget}, best first", original, entries),
            draw=partial(draw_budget, entries, original=_span(original)),
            caption=f"MACs reached: {figures.span(low, high)} %." + ("" if number else f" {_MARKS}"),
        )
    timing = next((cell.result.timing for cell in report.cells if cell.result and cell.result.timing), None)
    if timing is None:
        return
    cost = f"time per call, original = 100 % ({figures.setting(timing.batch_size, timing.threads)})"
    timed = list(_entries(report, lambda result: 100 / result.timing.ratio if result.timing else None))
    budgets = _by_budget(timed)
    shown = {"": timed} if len(budgets) > 1 else {}
    for budget, entries in (shown | budgets).items():
        yield Plot(
            title="Accuracy over measured latency" + (f" at {budget}" if budget and shown else ""),
            description=_description(f"over {cost}", original, entries),
            draw=partial(draw_race, entries, original=_span(original), cost=cost),
            caption="Up and to the left is better. Neither axis starts at 0. Horizontal lines: range of the seeds.",
        )


def _description(axis: str, original: Spread, entries: Sequence[Entry]) -> str:
    values = "; ".join(
        f"{entry.label} at {entry.budget}: {entry.accuracy[0]:.2f} % at {entry.cost[0]:.1f}" for entry in entries
    )
    return f"Top-1 {axis}, means over seeds; original {original.mean:.2f} %; {values}."


def _entries(report: RaceReport, cost: _Cost) -> Iterator[Entry]:
    """Every method and budget, best first, from the cells for which this cost is known."""
    methods = list(dict.fromkeys(cell.method for cell in report.cells))
    for standing in find_standings(report):
        found = [(value, result) for result in standing.results if (value := cost(result)) is not None]
        if found:
            costs = Spread(tuple(value for value, _result in found))
            top1 = Spread(tuple(100 * result.top1.value for _value, result in found))
            yield Entry(
                label=standing.method,
                number=methods.index(standing.method),
                budget=budget_name(standing.keep_macs),
                accuracy=_span(top1),
                cost=(costs.mean, min(costs.values), max(costs.values)),
                runs=tuple(zip(costs.values, top1.values, strict=True)),
            )


def _by_budget(entries: Iterator[Entry] | list[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.budget, []).append(entry)
    return found


def _span(spread: Spread) -> Span:
    return spread.mean, *spread.extent
