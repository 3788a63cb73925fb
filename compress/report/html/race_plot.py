"""The race's plots: Top-1 over a cost, a colour and a mark for every method, a line through its budgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes

from compress.report.html.svg import PANEL, SERIES, house_style, new_figure, series, shorten, to_svg

_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">", "p", "*")
_HEIGHT, _LINE_HEIGHT = 330.0, 19.0
_LEGEND_COLUMNS: Final = 3

Span = tuple[float, float, float]
"""A value with the ends of its interval; equal where there is none."""


@dataclass(frozen=True)
class Trial:
    """One method at one budget.

    Attributes:
        cost: mean over seeds.
        accuracy: mean over seeds, in percent.
        runs: (cost, accuracy) of every seed.
    """

    cost: Span
    accuracy: Span
    runs: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Track:
    """One method over its budgets.

    Attributes:
        label: its name.
        number: of its colour and mark, the same in all pictures.
        trials: smallest budget first; a line joins them.
    """

    label: str
    number: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Axis:
    """The horizontal axis.

    Attributes:
        label: what it is, with its unit.
        apart: how far the methods' marks are set apart sideways, in its unit: they cost the same.
    """

    label: str
    apart: float = 0.0


def draw_race(tracks: Sequence[Track], *, original: Span, name: str, axis: Axis, description: str) -> Markup:
    """A plot of Top-1 over a cost that starts at 0.

    Args:
        tracks: the methods.
        original: Top-1 of the unpruned network in percent: a line, with a band for its interval.
        name: of the picture, its own in the page.
        axis: the horizontal one.
        description: for those who do not see it.
    """
    lines = -(-(len(tracks) + 1) // _LEGEND_COLUMNS)
    with house_style():
        figure, axes = new_figure(_HEIGHT + _LINE_HEIGHT * lines)
        value, low, high = original
        axes.axhspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axhline(
            value, color=series(0), linestyle=(0, (4, 3)), linewidth=1.6, label="original, trained for as long"
        )
        for place, track in enumerate(tracks):
            _draw_track(axes, track, aside=(place - (len(tracks) - 1) / 2) * axis.apart)
        axes.set_xlim(0, 1.12 * max(trial.cost[2] for track in tracks for trial in track.trials))
        axes.margins(y=0.12)
        axes.set_xlabel(axis.label)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside lower left", ncols=_LEGEND_COLUMNS, fontsize=11, columnspacing=1.2)
        return to_svg(figure, name=name, description=description)


def _draw_track(axes: Axes, track: Track, *, aside: float) -> None:
    colour, mark = series(1 + track.number % (len(SERIES) - 1)), _MARKS[track.number % len(_MARKS)]
    means = [(trial.cost[0] + aside, trial.accuracy[0]) for trial in track.trials]
    for trial in track.trials:
        (x, x_low, x_high), (y, y_low, y_high) = trial.cost, trial.accuracy
        axes.errorbar(
            x + aside, y, xerr=[[x - x_low], [x_high - x]], yerr=[[y - y_low], [y_high - y]],
            fmt="none", ecolor=colour, elinewidth=1.2, alpha=0.6,
        )  # fmt: skip
        costs, accuracies = zip(*trial.runs, strict=True)
        axes.plot(
            [cost + aside for cost in costs],
            accuracies,
            mark,
            color=colour,
            markersize=4,
            alpha=0.55,
            markeredgewidth=0,
        )
    axes.plot(
        *zip(*means, strict=True), marker=mark, color=colour, linewidth=1, alpha=0.9, markersize=8,
        markeredgecolor=PANEL, markeredgewidth=1.2, label=shorten(track.label),
    )  # fmt: skip
