"""Accuracy over a cost: one mark for every network, with its intervals; and the methods of a race."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from markupsafe import Markup
from matplotlib.axes import Axes

from compress.report import figures
from compress.report.plots.svg import INK, MUTED, new_figure, series, shorten, to_svg
from compress.report.results import Span

MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">", "p", "*")
_LEGEND_LINE: Final = 19.0  # CSS pixels
_LEGEND_COLUMNS: Final = 3  # of a race
_ROW, _ROUND_ROWS = 24.0, 62.0  # heights in CSS pixels: a row; the axis and the margins

_COLOURS: Final = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Distinct for colour-blind readers: Petroff, Accessible color sequences for data visualization, arXiv:2107.02270."""


@dataclass(frozen=True)
class Point:
    """A network in the plot, with Top-1 in percent; a dashed line joins those ``on_front``, the Pareto front.

    ``series`` is the number of its colour, and of its mark where ``mark`` is ``None``.
    """

    label: str
    cost: Span
    accuracy: Span
    series: int
    mark: int | None = None
    on_front: bool = False


def describe_points(points: Iterable[Point]) -> str:
    """The networks in words."""
    return "; ".join(f"{one.label}: {one.accuracy[0]:.2f} % at {figures.three_digits(one.cost[0])}" for one in points)


def draw_tradeoff(points: Sequence[Point], *, cost: str, name: str, description: str) -> Markup:
    """Top-1 over a cost that starts at 0, with a legend below; ``cost`` is the label of its axis, with the unit."""
    columns = 2 if any(len(point.label) > 14 for point in points) else 3
    with new_figure(300 + _LEGEND_LINE * -(-len(points) // columns)) as (figure, axes):
        front = sorted((point.cost[0], point.accuracy[0]) for point in points if point.on_front)
        if len(front) > 1:
            axes.step(*zip(*front, strict=True), where="post", color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        for point in points:
            mark = MARKS[(point.series if point.mark is None else point.mark) % len(MARKS)]
            draw_intervals(axes, point.cost, point.accuracy, color=series(point.series))
            axes.plot(
                point.cost[0], point.accuracy[0], mark, color=series(point.series), markersize=8, alpha=0.85,
                markeredgewidth=0, label=shorten(point.label, 26),
            )  # fmt: skip
        axes.set_xlim(0, 1.12 * max(point.cost[2] for point in points) or 1)
        axes.margins(y=0.16)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside lower left", ncols=columns, fontsize=11, columnspacing=1.2)
        return to_svg(figure, name=name, description=description)


def draw_intervals(axes: Axes, horizontal: Span, vertical: Span, **style: Any) -> None:
    """Lines from the low to the high end of both intervals."""
    (x, x_low, x_high), (y, y_low, y_high) = horizontal, vertical
    axes.plot((x_low, x_high), (y, y), **{"linewidth": 1.3, "alpha": 0.7} | style)
    axes.plot((x, x), (y_low, y_high), **{"linewidth": 1.3, "alpha": 0.7} | style)


@dataclass(frozen=True)
class Entry:
    """One method at one budget: means over seeds (accuracy in percent), and (cost, accuracy) of every seed.

    ``number`` is that of its colour and mark, the same in all plots. Marks are ``hollow`` at budgets of latency, if the
    race has others.
    """

    label: str
    number: int
    budget: str
    accuracy: Span
    cost: Span
    runs: tuple[tuple[float, float], ...]
    hollow: bool = False

    @property
    def style(self) -> dict[str, Any]:
        """The filling and the edge of its marks; the edge of a filled one is visible on any background."""
        if self.hollow:
            return {"markerfacecolor": "none", "markeredgecolor": self.colour, "markeredgewidth": 2.0}
        return {"markeredgecolor": INK, "markeredgewidth": 0.8}

    @property
    def colour(self) -> str:
        """The method's colour."""
        return _COLOURS[self.number % len(_COLOURS)]


def draw_budget(entries: Sequence[Entry], *, original: Span, name: str, description: str) -> Markup:
    """A row for every method of one budget, the first at the top, with Top-1 on the horizontal axis.

    ``original`` is Top-1 of the unpruned network in percent: a vertical line, with a band for its interval.
    """
    with new_figure(_ROUND_ROWS + _ROW * len(entries)) as (figure, axes):
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
    with new_figure(360 + _LEGEND_LINE * -(-(len(methods) + 1) // _LEGEND_COLUMNS)) as (figure, axes):
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
            of_budget = [entry for entry in entries if entry.budget == budget]
            name_budget(axes, of_budget, [(entry.cost[0], top1) for entry in of_budget for top1 in entry.accuracy])
        axes.margins(x=0.16, y=0.1)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside lower left", ncols=_LEGEND_COLUMNS, fontsize=11, columnspacing=1.2)
        return to_svg(figure, name=name, description=description)


def _draw_marks(
    axes: Axes, entry: Entry, x: float, y: float, *, runs: Sequence[tuple[float, float]], in_legend: bool = False
) -> None:
    """Small marks for single runs and a large one for their mean."""
    mark = MARKS[entry.number % len(MARKS)]
    for run in runs:
        axes.plot(*run, mark, color=entry.colour, markersize=5, alpha=0.65, markeredgewidth=0)
    axes.plot(
        x, y, mark, color=entry.colour, markersize=8, **entry.style,
        label=shorten(entry.label) if in_legend else "_unnamed",
    )  # fmt: skip


def name_budget(axes: Axes, entries: Sequence[Entry], marks: Sequence[tuple[float, float]]) -> None:
    """Write the budget of ``entries`` below the lowest of their marks (x, y); that of hollow ones above the highest."""
    above = entries[0].hollow
    height = max(y for _, y in marks) if above else min(y for _, y in marks)
    axes.annotate(
        entries[0].budget, (fmean(x for x, _ in marks), height), (0, 9 if above else -9), textcoords="offset pixels",
        ha="center", va="bottom" if above else "top", color=MUTED, fontsize=11,
    )  # fmt: skip
