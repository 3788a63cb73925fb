"""The race as one HTML file, offline: who won, the picture, the table."""

from collections.abc import Callable, Iterator
from typing import Final

from compress.report import figures
from compress.report.html.pictures import Picture
from compress.report.html.race_plot import Axis, Span, Track, Trial, draw_race
from compress.report.html.templating import fill_template
from compress.report.race.model import CellResult, RaceReport
from compress.report.race.standings import Spread, Standing, find_standings, original_results
from compress.report.race.tables import race_table
from compress.report.race.words import headlines, notes
from compress.report.run_tables import machine_words

Cost = Callable[[CellResult], float]

_MACS: Final = Axis("MACs kept, %", apart=0.7)


def render_race_html(report: RaceReport) -> str:
    """One HTML document; the same race gives the same bytes.

    Args:
        report: its names may hold anything, they are escaped.
    """
    return fill_template(
        "race.html",
        race=report,
        headlines=headlines(report),
        notes=notes(report),
        pictures=tuple(_pictures(report)),
        table=race_table(report),
        machine=machine_words(report),
    )


def _pictures(report: RaceReport) -> Iterator[Picture]:
    results = original_results(report)
    if not results:
        return
    top1 = Spread(tuple(100 * result.original_top1.value for result in results))
    yield _picture(report, "Accuracy over work", _MACS, top1, lambda result: 100 * result.kept_macs)
    timed = [cell.result.timing for cell in report.cells if cell.result is not None and cell.result.timing is not None]
    if timed:
        setting = figures.setting(timed[0].batch_size, timed[0].threads)
        axis = Axis(f"time per call, original = 100 % ({setting})")
        yield _picture(report, "Accuracy over measured latency", axis, top1, _time)


def _picture(report: RaceReport, title: str, axis: Axis, original: Spread, cost: Cost) -> Picture:
    methods = list(dict.fromkeys(cell.method for cell in report.cells))
    standings = sorted(find_standings(report), key=lambda one: one.keep_macs)
    tracks = []
    for number, method in enumerate(methods):
        trials = [_trial(one, cost) for one in standings if one.method == method and one.top1 is not None]
        if trials:
            tracks.append(Track(method, number, tuple(trials)))
    best = "; ".join(
        f"{track.label}: {', '.join(f'{trial.accuracy[0]:.2f} % at {trial.cost[0]:.1f}' for trial in track.trials)}"
        for track in tracks
    )
    description = f"Top-1 over {axis.label}, means over seeds; original {original.mean:.2f} %; {best}."
    name = "race-macs" if axis == _MACS else "race-latency"
    return Picture(
        title=title,
        svg=draw_race(tracks, original=_span(original), name=name, axis=axis, description=description),
        caption="Methods at the same budget are set apart sideways." if axis.apart else "",
    )


def _trial(standing: Standing, cost: Cost) -> Trial:
    assert standing.top1 is not None
    costs = Spread(tuple(cost(result) for result in standing.results))
    return Trial(
        cost=(costs.mean, min(costs.values), max(costs.values)),
        accuracy=_span(standing.top1),
        runs=tuple(zip(costs.values, standing.top1.values, strict=True)),
    )


def _span(spread: Spread) -> Span:
    return spread.mean, *spread.extent


def _time(result: CellResult) -> float:
    """Of a cell without a timing: that of the original, so that it is not lost."""
    return 100 / result.timing.ratio if result.timing is not None else 100.0
