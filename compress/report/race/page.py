"""The race as one HTML file, offline: who won, the picture, the table."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from compress.report import figures
from compress.report.html.pictures import Picture
from compress.report.html.templating import fill_template
from compress.report.plots.race import Span, Trial, draw_budget, draw_race
from compress.report.race.model import CellResult, RaceReport
from compress.report.race.standings import Spread, find_standings, original_results
from compress.report.race.tables import race_table
from compress.report.race.words import headlines, notes
from compress.report.run_tables import machine_words

Cost = Callable[[CellResult], float | None]


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
    """Top-1 at every budget, and over the measured latency: of all of them, and of each at a scale of its own."""
    results = original_results(report)
    if not results:
        return
    original = Spread(tuple(100 * result.original_top1.value for result in results))
    for number, trials in enumerate(_by_budget(_trials(report, _work))):
        yield _at_budget(trials, original, name=f"race-macs-{number}")
    timings = [cell.result.timing for cell in report.cells if cell.result and cell.result.timing]
    if not timings:
        return
    cost = f"time per call, original = 100 % ({figures.setting(timings[0].batch_size, timings[0].threads)})"
    timed = list(_trials(report, _time))
    yield _over_latency(timed, original, cost, name="race-latency")
    budgets = _by_budget(timed)
    for number, trials in enumerate(budgets if len(budgets) > 1 else ()):
        yield _over_latency(trials, original, cost, name=f"race-latency-{number}")


def _by_budget(trials: Iterable[Trial]) -> list[list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.budget, []).append(trial)
    return list(found.values())


def _at_budget(trials: Sequence[Trial], original: Spread, *, name: str) -> Picture:
    title = f"Accuracy at {trials[0].budget}"
    told = "; ".join(f"{trial.label}: {trial.accuracy[0]:.2f} % at {trial.cost[0]:.1f}" for trial in trials)
    description = f"Top-1 at {trials[0].budget}, best first, means over seeds; original {original.mean:.2f} %; {told}."
    low, high = min(trial.cost[1] for trial in trials), max(trial.cost[2] for trial in trials)
    return Picture(
        title=title,
        svg=draw_budget(trials, original=_span(original), name=name, description=description),
        caption=f"MACs reached: {figures.span(low, high)} %.",
    )


def _over_latency(trials: Sequence[Trial], original: Spread, cost: str, *, name: str) -> Picture:
    one = {trial.budget for trial in trials} == {trials[0].budget}
    title = f"Accuracy over measured latency{f' at {trials[0].budget}' if one else ''}"
    told = "; ".join(
        f"{trial.label} at {trial.budget}: {trial.accuracy[0]:.2f} % at {trial.cost[0]:.1f}" for trial in trials
    )
    description = f"Top-1 over {cost}, means over seeds; original {original.mean:.2f} %; {told}."
    return Picture(
        title=title,
        svg=draw_race(trials, original=_span(original), name=name, cost=cost, description=description),
        caption="Up and to the left is better. Neither axis begins at 0.",
    )


def _trials(report: RaceReport, cost: Cost) -> Iterator[Trial]:
    """Every method and budget, best first, from those of its cells that have this cost."""
    methods = list(dict.fromkeys(cell.method for cell in report.cells))
    for standing in find_standings(report):
        found = [(spent, result) for result in standing.results if (spent := cost(result)) is not None]
        if not found:
            continue
        costs = Spread(tuple(spent for spent, _result in found))
        top1 = Spread(tuple(100 * result.top1.value for _spent, result in found))
        yield Trial(
            label=standing.method,
            number=methods.index(standing.method),
            budget=f"{100 * standing.keep_macs:.6g} % of the MACs",
            accuracy=_span(top1),
            cost=(costs.mean, min(costs.values), max(costs.values)),
            runs=tuple(zip(costs.values, top1.values, strict=True)),
        )


def _span(spread: Spread) -> Span:
    return spread.mean, *spread.extent


def _work(result: CellResult) -> float:
    """MACs, in percent of the original's."""
    return 100 * result.kept_macs


def _time(result: CellResult) -> float | None:
    """Of a call, in percent of the original's."""
    return 100 / result.timing.ratio if result.timing is not None else None
