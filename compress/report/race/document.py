"""A race as a document, and as files: who is first, plots, a table for each budget, the conditions in sentences."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from compress.errors import BadInputError
from compress.exporter_faults import read_file
from compress.report import figures
from compress.report.html import render_html
from compress.report.markdown import render_markdown
from compress.report.model import MAX_BYTES, dump_report
from compress.report.plots.race_picture import draw_race_picture
from compress.report.plots.tradeoff import Entry, draw_budget, draw_race
from compress.report.race.model import CellResult, CellTiming, RaceReport
from compress.report.race.sentences import headlines, notes
from compress.report.race.standings import SeedValues, find_standings, has_both_kinds, original_results, original_top1
from compress.report.race.tables import race_tables
from compress.report.results import Span
from compress.report.run_tables import machine_words
from compress.report.sections import Document, Plot, Section

JSON: Final = "race.json"
PICTURE: Final = "accuracy-latency.svg"

_HOLLOW: Final = " Hollow marks are budgets of latency."
_MARKS: Final = (
    "Large marks are means over seeds, small marks single runs; lines are 95 % t-intervals of the mean, or the range "
    "of up to two seeds. The dashed line and its band are the original, trained for as many epochs. Each plot has its "
    "own scale."
)


def render_race_documents(report: RaceReport) -> dict[str, str]:
    """File name -> text; the picture only once something was timed."""
    document = race_document(report)
    documents = {
        JSON: dump_report(report),
        "race.md": render_markdown(document),
        "race.html": render_html(document),
    }
    return documents | ({PICTURE: _picture(report, report.timing)} if report.timing else {})


def read_race(folder: Path) -> RaceReport | None:
    """The report of an earlier call; ``None`` if there is none, BadInputError if it cannot be read."""
    path = folder / JSON
    if not os.path.lexists(path):
        return None
    try:
        return RaceReport.model_validate_json(read_file(path, limit=MAX_BYTES, kind="race"), strict=True)
    except ValidationError as error:
        raise BadInputError(
            f"{path} is not a race report that this version can read: {error}; delete it, "
            "and the same race is read from its cells again"
        ) from None


def race_document(report: RaceReport) -> Document:
    """The whole race; the same race gives the same document."""
    machine = machine_words(report.environment, report.session)
    return Document(
        command="race",
        title=report.name,
        headlines=headlines(report),
        sections=(
            Section(
                "Accuracy over work and latency",
                plots=tuple(_plots(report)),
                picture=PICTURE if report.timing else "",
            ),
            Section("Race", tables=race_tables(report)),
            Section("Notes", texts=(*notes(report), f"Measured on {machine}.")),
        ),
        footer=f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}.",
    )


def _plots(report: RaceReport) -> Iterator[Plot]:
    """Top-1 at every budget, then over latency: all budgets together, and each at its own scale."""
    if not (results := original_results(report)):
        return
    original = original_top1(results)
    by_macs = _entries(report, lambda result: 100 * result.kept_macs)
    for number, (budget, entries) in enumerate(by_macs.items()):
        low, high = min(entry.cost[1] for entry in entries), max(entry.cost[2] for entry in entries)
        yield Plot(
            title=f"Accuracy at {budget}",
            description=_description(f"at {budget}, best first", original, entries),
            draw=partial(draw_budget, entries, original=_span(original)),
            caption=f"MACs reached: {figures.span(low, high)} %." + ("" if number else f" {_MARKS}"),
        )
    if report.timing is None:
        return
    cost, timed = _time_label(report.timing), _timed(report)
    together = {"": [entry for entries in timed.values() for entry in entries]} if len(timed) > 1 else {}
    for budget, entries in (together | timed).items():
        yield Plot(
            title="Accuracy over measured latency" + (f" at {budget}" if budget and together else ""),
            description=_description(f"over {cost}", original, entries),
            draw=partial(draw_race, entries, original=_span(original), cost=cost),
            caption="Up and to the left is better. Neither axis starts at 0. Horizontal lines: range of the seeds."
            + (_HOLLOW if has_both_kinds(report) else ""),
        )


def _picture(report: RaceReport, timing: CellTiming) -> str:
    """Every method at every budget over its latency, as an SVG file."""
    return draw_race_picture(
        [entry for at_budget in _timed(report).values() for entry in at_budget],
        original=original_top1(original_results(report)).values,
        leader=report.leader,
        cost=_time_label(timing),
    )


def _time_label(timing: CellTiming) -> str:
    return f"time per call, original = 100 % ({figures.setting(timing.batch_size, timing.threads)})"


def _timed(report: RaceReport) -> dict[str, list[Entry]]:
    return _entries(report, lambda result: 100 / result.timing.ratio if result.timing else None)


def _description(axis: str, original: SeedValues, entries: Iterable[Entry]) -> str:
    values = "; ".join(
        f"{entry.label} at {entry.budget}: {entry.accuracy[0]:.2f} % at {entry.cost[0]:.1f}" for entry in entries
    )
    return f"Top-1 {axis}, means over seeds; original {original.mean:.2f} %; {values}."


def _entries(report: RaceReport, cost: Callable[[CellResult], float | None]) -> dict[str, list[Entry]]:
    """Budget -> its methods, best first, from the cells for which this cost is known."""
    methods = list(dict.fromkeys(cell.method for cell in report.cells))
    entries: dict[str, list[Entry]] = {}
    for standing in (one for standings in find_standings(report).values() for one in standings):
        runs = tuple((x, 100 * one.top1.value) for one in standing.results if (x := cost(one)) is not None)
        if runs:
            costs, top1 = (SeedValues(values) for values in zip(*runs, strict=True))
            entry = Entry(
                label=standing.method,
                number=methods.index(standing.method),
                budget=standing.budget.words,
                hollow=standing.budget.is_latency and has_both_kinds(report),
                accuracy=_span(top1),
                cost=(costs.mean, min(costs.values), max(costs.values)),
                runs=runs,
            )
            entries.setdefault(entry.budget, []).append(entry)
    return entries


def _span(values: SeedValues) -> Span:
    return values.mean, *values.extent
