"""The plots of a run's report, chosen and described."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from compress.report import figures
from compress.report.latency_tables import pairs
from compress.report.model import Report, RunFacts
from compress.report.network_tables import series_numbers
from compress.report.plots.run import Curve, NamedTiming, curve_of, draw_curves, draw_distributions, shown_up_to
from compress.report.plots.svg import shorten
from compress.report.plots.tradeoff import Point, describe_points, draw_tradeoff
from compress.report.results import Span
from compress.report.sections import Plot
from compress.report.timings import Setting, headline_setting, setting_of, timing_at
from exporters.measure.latency_results import LatencyComparison

_MOST_SETTINGS: Final = 6  # combinations of batch size and threads with a plot each
_MOST_PAIRS: Final = 6  # pairs beside original and candidate with a plot each


def relative_times(report: Report, setting: Setting) -> dict[str, Span]:
    """Label -> time per call in percent of the original's, with its interval: medians of other pairs do not compare."""
    found = {report.original.label: (100.0, 100.0, 100.0)}
    for row in report.networks:
        pair = timing_at(report, row.label, against=report.original.label, setting=setting)
        if pair is not None:
            found[row.label] = (100 / pair.ratio, 100 / pair.ratio_high, 100 / pair.ratio_low)
    return found


def tradeoff_plots(report: Report) -> Iterator[Plot]:
    """Top-1 over latency, or over MACs where no latency was measured, and over the file's size."""
    setting = headline_setting(report)
    if setting is not None:
        cost = f"time per call, {shorten(report.original.label)} = 100 % ({setting})"
        yield _tradeoff(report, relative_times(report, setting), title="Accuracy and latency", cost=cost)
    else:
        costs = {row.label: (row.macs / 1e6,) * 3 for row in report.networks}
        yield _tradeoff(report, costs, title="Accuracy and work", cost="million MACs an image")
    sizes = {row.label: (row.size_bytes / 1e6,) * 3 for row in report.networks}
    yield _tradeoff(report, sizes, title="Accuracy and size", cost="file, MB")


def _tradeoff(report: Report, costs: Mapping[str, Span], *, title: str, cost: str) -> Plot:
    colours = series_numbers(report)
    points = [
        Point(row.label, costs[row.label], row.accuracy.top1.percent, colours[row.label])
        for row in report.networks
        if row.label in costs
    ]
    return Plot(
        title=title,
        description=f"Top-1 over {cost}. {describe_points(points)}.",
        draw=partial(draw_tradeoff, points, cost=cost),
        caption="Up and to the left is better. Lines are 95 % intervals.",
    )


def latency_plots(report: Report) -> Iterator[Plot]:
    """Single calls of a pair: original and candidate at every setting, other pairs at the headline's setting."""
    first, *others = pairs(report)
    shown = [(first, timing) for timing in report.timings(first[1], against=first[0])[:_MOST_SETTINGS]]
    for pair in others[:_MOST_PAIRS]:
        timing = timing_at(report, pair[1], against=pair[0], setting=headline_setting(report))
        shown += [(pair, timing)] if timing else []
    for pair, timing in shown:
        if timing.original.sample_ms and timing.candidate.sample_ms:
            yield _distribution(report, pair, timing)


def _distribution(report: Report, pair: tuple[str, str], timing: LatencyComparison) -> Plot:
    colours = series_numbers(report)
    sides = zip(pair, (timing.original, timing.candidate), strict=True)
    rows = [NamedTiming(label, side, colours[label]) for label, side in sides]
    title = f"{pair[1]} against {pair[0]}, {setting_of(timing)}"
    medians = "; ".join(f"{row.label}: median {figures.milliseconds(row.timing.p50_ms)} ms" for row in rows)
    end = shown_up_to(rows)
    beyond = {row.label: sum(ms > end for ms in row.timing.sample_ms) / len(row.timing.sample_ms) for row in rows}
    left_out = ", ".join(f"{figures.percent(share)} of {label}'s" for label, share in beyond.items() if share)
    return Plot(
        title=title,
        description=f"{title}: {medians}.",
        draw=partial(draw_distributions, rows),
        caption=f"Longer than shown: {left_out} calls." if left_out else "",
    )


def search_plots(run: RunFacts) -> Iterator[Plot]:
    """The energy of the states, and the accuracy during the search; none of a choice at once, or of one epoch."""
    history = run.search.history if len(run.search.history) > 1 else ()
    population = run.method == "edropout"
    energy = [
        *curve_of(history, "energy_best", "best state" if population else "state in use", series=1),
        *(curve_of(history, "energy_mean", "mean of the population", series=0) if population else ()),
    ]
    agrees = "; where the mean meets the best, the population agrees" if population else ""
    yield from _epoch_plot(
        "Energy of the population" if population else "Energy of the state in use",
        energy,
        f"Lower is better within an epoch{agrees}. "
        "Energies of different epochs belong to different budgets and weights and do not compare.",
        subject="Energy",
        y_label="energy",
        converged_at=run.search.converged_at,
    )
    accuracy = [
        *curve_of(history, "val_accuracy", "validation", series=1, scale=100),
        *curve_of(history, "accuracy", "training", series=1, scale=100, dashed=True),
        *curve_of(history, "kept_units", "units kept", series=2, scale=100),
        *curve_of(history, "similarity", "similarity of sub-networks", series=2, scale=100),
    ]
    caption = f"Accuracy of the {'whole network' if run.method == 'one-cycle' else 'network with its best state'}."
    yield from _epoch_plot("Accuracy while searching", accuracy, caption, subject="Search", y_label="%")


def training_plots(run: RunFacts) -> Iterator[Plot]:
    """Accuracy and loss of the original and of the pruned network over the same epochs."""
    stages = {"03_search": run.search.history, **run.training}
    found = "03_push" if "03_push" in stages else "03_search"
    networks = {
        "original": _joined(stages, "01_baseline", "02_original"),
        "pruned network": _joined(stages, found, "05_finetune"),
    }
    for key, title, unit, scale in (("accuracy", "Accuracy", "Top-1, %", 100.0), ("loss", "Loss", "loss", 1.0)):
        curves: list[Curve] = []
        for number, (network, parts) in enumerate(networks.items()):
            for place, part in enumerate(parts):
                label = network if not place else ""
                curves += curve_of(part, f"val_{key}", label, series=number, scale=scale)
                curves += curve_of(part, key, "", series=number, scale=scale, dashed=True)
        caption = "Solid: validation images. Dashed: training images."
        yield from _epoch_plot(title, curves, caption, subject=title, y_label=unit)


def _joined(stages: Mapping[str, Sequence[Mapping[str, float]]], *names: str) -> list[list[Mapping[str, float]]]:
    """The histories of a network's stages, as one where the epochs go on; earlier versions began each at 1."""
    parts: list[list[Mapping[str, float]]] = []
    for history in (stages.get(name, ()) for name in names):
        if parts and history and history[0]["epoch"] == parts[-1][-1]["epoch"] + 1:
            parts[-1] += history
        elif history:
            parts.append(list(history))
    return parts


def _epoch_plot(
    title: str, curves: Sequence[Curve], caption: str, *, subject: str, y_label: str, converged_at: int | None = None
) -> Iterator[Plot]:
    """Curves over epochs, described by the first and last value of each that has a name; none without curves."""
    ends = (
        f"{curve.label}: {figures.three_digits(curve.values[0])} to {figures.three_digits(curve.values[-1])}"
        for curve in curves
        if curve.label
    )
    if curves:
        draw = partial(draw_curves, curves, y_label=y_label, converged_at=converged_at)
        yield Plot(title, f"{subject}, first to last epoch. {'; '.join(ends)}.", draw, caption)
