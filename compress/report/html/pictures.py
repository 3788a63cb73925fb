"""The report's plots, chosen and described."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from compress.report import figures
from compress.report.latency_tables import pairs
from compress.report.model import NetworkRow, Report
from compress.report.plots.curves import Curve, curve_of, draw_curves
from compress.report.plots.distributions import NamedTiming, draw_distributions, shown_up_to
from compress.report.plots.svg import shorten
from compress.report.plots.tradeoff import Point, draw_tradeoff
from compress.report.run_facts import RunFacts
from compress.report.run_tables import stage_name
from compress.report.timings import Setting, headline_setting, setting_of, settings_of, timing_at
from exporters.measure.comparison import LatencyComparison

MOST_NAMES = 5
MOST_SETTINGS = 6  # of batch size and threads, with a picture each
MOST_PAIRS = 6  # beside original and candidate, likewise


@dataclass(frozen=True)
class Picture:
    """An ``<svg>`` element with its title and a sentence on how to read it."""

    title: str
    svg: Markup
    caption: str


def series_numbers(report: Report) -> dict[str, int]:
    """Label -> number of its colour: the original 0, the candidate 1, the others in their order."""
    extras = (row.label for row in report.networks if row.role == "extra")
    labels = (report.original.label, report.candidate.label, *extras)
    return {label: number for number, label in enumerate(labels)}


def numbers(report: Report) -> dict[str, int]:
    """Label -> number in the plots and the table of results; empty where there is room for names."""
    labels = [row.label for row in report.networks]
    return {label: number for number, label in enumerate(labels, 1)} if len(labels) > MOST_NAMES else {}


def relative_times(report: Report, setting: Setting) -> dict[str, tuple[float, float, float]]:
    """Label -> time per call in percent of the original's, with its interval: medians of other pairs do not compare."""
    found = {report.original.label: (100.0, 100.0, 100.0)}
    for row in report.networks:
        pair = timing_at(report, row.label, against=report.original.label, setting=setting)
        if pair is not None:
            found[row.label] = (100 / pair.ratio, 100 / pair.ratio_high, 100 / pair.ratio_low)
    return found


def tradeoff_pictures(report: Report) -> Iterator[Picture]:
    """Top-1 over latency, where it was measured, and over the file's size."""
    setting = headline_setting(report)
    if setting is not None:
        cost = f"time per call, {shorten(report.original.label)} = 100 % ({setting})"
        yield _tradeoff(report, relative_times(report, setting), title="Accuracy and latency", cost=cost)
    else:
        costs = {row.label: (row.macs / 1e6,) * 3 for row in report.networks}
        yield _tradeoff(report, costs, title="Accuracy and work", cost="million MACs an image")
    sizes = {row.label: (row.size_bytes / 1e6,) * 3 for row in report.networks}
    yield _tradeoff(report, sizes, title="Accuracy and size", cost="file, MB")


def _tradeoff(report: Report, costs: Mapping[str, tuple[float, float, float]], *, title: str, cost: str) -> Picture:
    colours, numbered = series_numbers(report), numbers(report)
    rows = [row for row in report.networks if row.label in costs]
    points = [
        Point(str(numbered.get(row.label, row.label)), costs[row.label], _percent(row), colours[row.label])
        for row in rows
    ]
    told = "; ".join(
        f"{row.label}: {100 * row.accuracy.top1.value:.2f} % at {figures.three_digits(costs[row.label][0])}"
        for row in rows
    )
    name = title.lower().replace(" ", "-")
    return Picture(
        title=title,
        svg=draw_tradeoff(points, name=name, cost=cost, description=f"Top-1 over {cost}. {told}."),
        caption="Up and to the left is better. Lines are 95 % intervals."
        + (" Numbers are those in the table above." if numbered else ""),
    )


def _percent(row: NetworkRow) -> tuple[float, float, float]:
    top1 = row.accuracy.top1
    return 100 * top1.value, 100 * top1.low, 100 * top1.high


def latency_pictures(report: Report) -> Iterator[Picture]:
    """The calls of both networks of a pair: the candidate's at every setting, the other pairs' at the headline's."""
    first, *others = pairs(report)
    shown = [(first, setting) for setting in settings_of(report)[:MOST_SETTINGS]]
    shown += [(pair, setting) for pair in others[:MOST_PAIRS] if (setting := headline_setting(report)) is not None]
    for number, (pair, setting) in enumerate(shown):
        timing = timing_at(report, pair[1], against=pair[0], setting=setting)
        if timing is not None and timing.original.sample_ms and timing.candidate.sample_ms:
            yield _distribution(report, pair, timing, name=f"calls-{number}")


def _distribution(report: Report, pair: tuple[str, str], timing: LatencyComparison, *, name: str) -> Picture:
    colours = series_numbers(report)
    sides = zip(pair, (timing.original, timing.candidate), strict=True)
    rows = [NamedTiming(label, side, colours[label]) for label, side in sides]
    told = "; ".join(f"{row.label}: median {figures.milliseconds(row.timing.p50_ms)} ms" for row in rows)
    title = f"{pair[1]} against {pair[0]}, {setting_of(timing)}"
    svg = draw_distributions(rows, name=name, description=f"{title}: {told}.")
    end = shown_up_to(rows)
    beyond = {row.label: sum(ms > end for ms in row.timing.sample_ms) / len(row.timing.sample_ms) for row in rows}
    left_out = ", ".join(f"{figures.percent(share)} of {label}'s" for label, share in beyond.items() if share)
    return Picture(title, svg, f"Longer than shown: {left_out} calls." if left_out else "")


def search_pictures(run: RunFacts) -> Iterator[Picture]:
    """The energy of the states, and how the network did meanwhile; none where a method chose at once."""
    history, converged = run.search.history, run.search.converged_at
    population = run.method == "edropout"
    energy = (
        *curve_of(history, "energy_best", "best state" if population else "state in use", series=1),
        *(curve_of(history, "energy_mean", "mean of the population", series=0) if population else ()),
    )
    if energy:
        agrees = "; where the mean meets the best, the population agrees" if population else ""
        yield Picture(
            title="Energy of the population" if population else "Energy of the state in use",
            svg=draw_curves(
                energy, name="energy", y_label="energy", converged_at=converged, description=_told("Energy", energy)
            ),
            caption=(
                f"Lower is better within an epoch{agrees}. "
                "Energies of different epochs belong to different budgets and weights: their course is no progress."
            ),
        )
    course = (
        *curve_of(history, "val_accuracy", "validation", series=1, scale=100),
        *curve_of(history, "accuracy", "training", series=1, scale=100, dashed=True),
        *curve_of(history, "kept_units", "units kept", series=2, scale=100),
    )
    if course:
        svg = draw_curves(course, name="search-accuracy", y_label="%", description=_told("Search", course))
        yield Picture("Accuracy while searching", svg, "Accuracy of the network with its best state.")


def training_pictures(run: RunFacts) -> Iterator[Picture]:
    """Accuracy and loss of every training."""
    for key, title, unit, scale in (("accuracy", "Accuracy", "Top-1, %", 100.0), ("loss", "Loss", "loss", 1.0)):
        curves: list[Curve] = []
        for number, (stage, history) in enumerate(run.training.items()):
            curves += curve_of(history, f"val_{key}", stage_name(stage), series=number, scale=scale)
            curves += curve_of(history, key, "", series=number, scale=scale, dashed=True)
        if curves:
            svg = draw_curves(curves, name=f"training-{key}", y_label=unit, description=_told(title, curves))
            yield Picture(title, svg, "Solid: validation images. Dashed: training images.")


def _told(title: str, curves: tuple[Curve, ...] | list[Curve]) -> str:
    ends = (
        f"{curve.label}: {figures.three_digits(curve.values[0])} to {figures.three_digits(curve.values[-1])}"
        for curve in curves
        if curve.label
    )
    return f"{title}, first to last epoch. {'; '.join(ends)}."
