"""The plots of a run: curves over epochs, and histograms of how long single calls took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from compress.report import figures
from compress.report.plots.svg import INK, LINE, MUTED, new_figure, series, shorten, to_svg
from exporters.measure.latency_results import Timing

_BINS = 72
_MEDIANS = 2.5  # a picture that ends later shows the interruptions, not the network
_REACH = 5.0  # widths of the middle half, beyond which a call is an interruption that would squeeze the rest


@dataclass(frozen=True)
class Curve:
    """A line with one value an epoch, from epoch ``first``.

    An empty label is not in the legend, ``series`` is the colour.
    """

    label: str
    values: tuple[float, ...]
    series: int
    dashed: bool = False
    first: int = 1

    @property
    def last(self) -> int:
        """The last epoch."""
        return self.first + len(self.values) - 1


def curve_of(
    history: Sequence[Mapping[str, float]], key: str, label: str, *, series: int, dashed: bool = False, scale: float = 1
) -> tuple[Curve, ...]:
    """The key's curve, or none where an epoch lacks it."""
    if not history or any(key not in epoch for epoch in history):
        return ()
    first = int(history[0].get("epoch", 1))
    return (Curve(label, tuple(scale * epoch[key] for epoch in history), series, dashed, first),)


def draw_curves(
    curves: Sequence[Curve], *, name: str, y_label: str, description: str, converged_at: int | None = None
) -> Markup:
    """At least one line over epochs; the epoch ``converged_at`` is marked. ``name`` is unique in the page."""
    with new_figure(250) as (figure, axes):
        for curve in curves:
            epochs = range(curve.first, curve.last + 1)
            axes.plot(
                epochs, curve.values, color=series(curve.series), label=curve.label or "_unnamed",
                linestyle=(0, (3, 2)) if curve.dashed else "-", linewidth=1.6 if curve.dashed else 2.2,
                marker="o" if len(curve.values) <= 12 and not curve.dashed else "", markersize=5,
            )  # fmt: skip
        if converged_at is not None:
            axes.axvline(converged_at, color=MUTED, linewidth=1.2, linestyle=(0, (2, 2)))
            foot = axes.get_xaxis_transform()
            axes.text(converged_at, 0.03, "converged ", transform=foot, ha="right", color=MUTED, fontsize=11)
        first, last = min(curve.first for curve in curves), max(curve.last for curve in curves)
        room = 0.03 * (last - first) if last > first else 1
        axes.set_xlim(first - room, last + room)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.margins(y=0.1)
        axes.set_xlabel("epoch")
        axes.set_ylabel(y_label)
        labels = sum(bool(curve.label) for curve in curves)
        if labels:
            figure.legend(loc="outside upper left", ncols=min(3, labels), fontsize=11.5, columnspacing=1.2, borderpad=0)
        return to_svg(figure, name=name, description=description)


@dataclass(frozen=True)
class NamedTiming:
    """A network's calls at one setting; ``series`` is the number of its colour."""

    label: str
    timing: Timing
    series: int


def shown_up_to(rows: Sequence[NamedTiming]) -> float:
    """The milliseconds at which the picture ends: beyond the bulk of every network's calls."""
    ends = []
    for row in rows:
        sample = np.array(row.timing.sample_ms)
        lower, upper = (float(value) for value in np.percentile(sample, (25, 75)))
        reach = max(_REACH * (upper - lower), 0.1 * row.timing.p50_ms)
        ends.append(max(min(float(sample.max()), upper + reach, _MEDIANS * row.timing.p50_ms), row.timing.p50_ms))
    return 1.02 * max(ends)


def draw_distributions(rows: Sequence[NamedTiming], *, name: str, description: str) -> Markup:
    """Histograms of milliseconds a call, each scaled to its own height, with the median and the 90th percentile.

    ``rows`` are drawn from top to bottom and have at least one sample each; ``name`` is unique in the page.
    """
    samples = [np.array(row.timing.sample_ms) for row in rows]
    low, high = min(float(sample.min()) for sample in samples), shown_up_to(rows)
    edges = np.linspace(low - 0.04 * (high - low), high, _BINS + 1)
    floors = range(len(rows) - 1, -1, -1)
    with new_figure(48 + 46 * len(rows)) as (figure, axes):
        axes.set_xlim(edges[0], edges[-1])
        for floor, row, sample in zip(floors, rows, samples, strict=True):
            counts, _ = np.histogram(sample, edges)
            heights = floor + 0.72 * counts / max(1, counts.max())
            axes.axhline(floor, color=LINE, linewidth=0.8)
            axes.stairs(heights, edges, baseline=floor, fill=True, color=series(row.series), alpha=0.85)
            _mark_percentiles(axes, row.timing, floor)
        axes.set_ylim(-0.08, len(rows) - 0.1)
        names = [f"{shorten(row.label, 18)}\n{figures.milliseconds(row.timing.p50_ms)} ms" for row in rows]
        axes.set_yticks([floor + 0.34 for floor in floors], names, color=INK, fontsize=11)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("milliseconds a call")
        return to_svg(figure, name=name, description=description)


def _mark_percentiles(axes: Axes, timing: Timing, floor: float) -> None:
    axes.plot([timing.p50_ms] * 2, [floor, floor + 0.78], color=INK, linewidth=1.6)
    if timing.p90_ms is not None and timing.p90_ms <= axes.get_xlim()[1]:
        axes.plot([timing.p90_ms] * 2, [floor, floor + 0.3], color=MUTED, linewidth=1.4, linestyle=(0, (2, 2)))
