"""The plots of a race: Top-1 by method at one budget, and Top-1 over a cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes

from compress.report.plots.svg import INK, MUTED, house_style, new_figure, series, shorten, to_svg
from compress.report.plots.tradeoff import MARKS, draw_intervals
from compress.report.results import Span

_COLOURS: Final = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Distinct for colour-blind readers: Petroff, Accessible color sequences for data visualization, arXiv:2107.02270."""

_ROW, _ROUND_ROWS = 24.0, 62.0  # heights in CSS pixels: a row; the axis and the margins
_HEIGHT, _LEGEND_LINE = 360.0, 19.0
_LEGEND_COLUMNS: Final = 3


@dataclass(frozen=True)
class Entry:
    """One method at one budget: means over seeds (accuracy in percent), and (cost, accuracy) of every seed.

    ``number`` is that of its colour and mark, the same in all plots.
    """

    label: str
    number: int
    budget: str
    accuracy: Span
    cost: Span
    runs: tuple[tuple[float, float], ...]

    @property
    def colour(self) -> str:
        """The method's colour."""
        return _COLOURS[self.number % len(_COLOURS)]


def draw_budget(entries: Sequence[Entry], *, original: Span, name: str, description: str) -> Markup:
    """A row for every method of one budget, the first at the top, with Top-1 on the horizontal axis.

    ``original`` is Top-1 of the unpruned network in percent: a vertical line, with a band for its interval.
    """
    with house_style():
        figure, axes = new_figure(_ROUND_ROWS + _ROW * len(entries))
        value, low, high = original
        axes.axvspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axvline(value, color=series(0), linestyle=(0, (4, 3)), linewidth=1.6)
        for row, entry in enumerate(entries):
            draw_intervals(axes, entry.accuracy, (row, row, row), color=entry.colour, linewidth=2.2)
            _draw_marks(axes, entry, entry.accuracy[0], row, runs=[(top1, row) for _cost, top1 in entry.runs])
        axes.set_yticks(range(len(entries)), [shorten(entry.label) for entry in entries], color=INK)
        axes.set_ylim(len(entries) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel("Top-1, %")
        return to_svg(figure, name=name, description=description)


def draw_race(entries: Sequence[Entry], *, original: Span, cost: str, name: str, description: str) -> Markup:
    """A plot of Top-1 over a cost that does not start at 0, with a legend below.

    ``entries`` are of one budget, or of several, which are then named below their marks. ``original`` is Top-1 of the
    unpruned network in percent: a horizontal line, with a band for its interval.
    """
    methods = list(dict.fromkeys(entry.label for entry in entries))
    with house_style():
        figure, axes = new_figure(_HEIGHT + _LEGEND_LINE * -(-(len(methods) + 1) // _LEGEND_COLUMNS))
        value, low, high = original
        axes.axhspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axhline(
            value, color=series(0), linestyle=(0, (4, 3)), linewidth=1.6, label="original, trained for as long"
        )
        for place, entry in enumerate(entries):
            is_first = entry.label not in {other.label for other in entries[:place]}
            draw_intervals(axes, entry.cost, entry.accuracy, color=entry.colour, alpha=0.6)
            _draw_marks(axes, entry, entry.cost[0], entry.accuracy[0], runs=entry.runs, in_legend=is_first)
        budgets = list(dict.fromkeys(entry.budget for entry in entries))
        for budget in budgets if len(budgets) > 1 else ():
            _name_budget(axes, [entry for entry in entries if entry.budget == budget])
        axes.margins(x=0.16, y=0.1)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside lower left", ncols=_LEGEND_COLUMNS, fontsize=11, columnspacing=1.2)
        return to_svg(figure, name=name, description=description)


def _draw_marks(
    axes: Axes, entry: Entry, x: float, y: float, *, runs: Sequence[tuple[float, float]], in_legend: bool = False
) -> None:
    """Small marks for single runs and a large one for their mean, with an edge that is visible on any background."""
    mark = MARKS[entry.number % len(MARKS)]
    for run in runs:
        axes.plot(*run, mark, color=entry.colour, markersize=5, alpha=0.65, markeredgewidth=0)
    axes.plot(
        x, y, mark, color=entry.colour, markersize=8, markeredgecolor=INK, markeredgewidth=0.8,
        label=shorten(entry.label) if in_legend else "_unnamed",
    )  # fmt: skip


def _name_budget(axes: Axes, entries: Sequence[Entry]) -> None:
    """Write the budget's name below its lowest mark."""
    middle = sum(entry.cost[0] for entry in entries) / len(entries)
    lowest = min(entry.accuracy[1] for entry in entries)
    axes.annotate(
        entries[0].budget, (middle, lowest), (0, -9), textcoords="offset pixels",
        ha="center", va="top", color=MUTED, fontsize=11,
    )  # fmt: skip
