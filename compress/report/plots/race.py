"""The race's plots, every mark where it was measured: Top-1 by method at one budget, and Top-1 over a cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes

from compress.report.plots.svg import INK, MUTED, house_style, new_figure, series, shorten, to_svg

_COLOURS: Final = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Told apart by colour-blind eyes too: Petroff, Accessible color sequences for data visualization, arXiv:2107.02270."""

_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">", "p", "*")
_ROW, _BESIDE_ROWS = 24.0, 62.0  # of a row, of the axis below and the room above them, in CSS pixels
_HEIGHT, _LINE_HEIGHT = 360.0, 19.0
_LEGEND_COLUMNS: Final = 3

Span = tuple[float, float, float]
"""A value with the ends of its interval; equal where there is none."""


@dataclass(frozen=True)
class Trial:
    """One method at one budget.

    Attributes:
        label: the method's name.
        number: of its colour and mark, the same in all pictures.
        budget: what the cells of one budget are called.
        accuracy: mean over seeds, in percent.
        cost: mean over seeds.
        runs: (cost, accuracy) of every seed.
    """

    label: str
    number: int
    budget: str
    accuracy: Span
    cost: Span
    runs: tuple[tuple[float, float], ...]


def draw_budget(trials: Sequence[Trial], *, original: Span, name: str, description: str) -> Markup:
    """A row a method, the first on top, with Top-1 along it.

    Args:
        trials: of one budget; their cost is not drawn.
        original: Top-1 of the unpruned network in percent: an upright line, with a band for its interval.
        name: of the picture, its own in the page.
        description: for those who do not see it.
    """
    with house_style():
        figure, axes = new_figure(_BESIDE_ROWS + _ROW * len(trials))
        value, low, high = original
        axes.axvspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axvline(value, color=series(0), linestyle=(0, (4, 3)), linewidth=1.6)
        for row, trial in enumerate(trials):
            mean, start, end = trial.accuracy
            axes.plot((start, end), (row, row), color=_colour(trial), linewidth=2.2, alpha=0.75)
            for _cost, top1 in trial.runs:
                _draw_run(axes, top1, row, trial)
            _draw_mean(axes, mean, row, trial)
        axes.set_yticks(range(len(trials)), [shorten(trial.label) for trial in trials], color=INK)
        axes.set_ylim(len(trials) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel("Top-1, %")
        return to_svg(figure, name=name, description=description)


def draw_race(trials: Sequence[Trial], *, original: Span, name: str, cost: str, description: str) -> Markup:
    """A plot of Top-1 over a cost; up and to the left is better. The cost does not begin at 0.

    Args:
        trials: of one budget, or of several, whose names then stand below their marks.
        original: Top-1 of the unpruned network in percent: a level line, with a band for its interval.
        name: of the picture, its own in the page.
        cost: what the horizontal axis is, with its unit.
        description: for those who do not see it.
    """
    methods = len({trial.label for trial in trials})
    with house_style():
        figure, axes = new_figure(_HEIGHT + _LINE_HEIGHT * -(-(methods + 1) // _LEGEND_COLUMNS))
        value, low, high = original
        axes.axhspan(low, high, color=series(0), alpha=0.18, linewidth=0)
        axes.axhline(
            value, color=series(0), linestyle=(0, (4, 3)), linewidth=1.6, label="original, trained for as long"
        )
        named: set[str] = set()
        for trial in trials:
            _draw_trial(axes, trial, label="" if trial.label in named else shorten(trial.label))
            named.add(trial.label)
        budgets = list(dict.fromkeys(trial.budget for trial in trials))
        for budget in budgets if len(budgets) > 1 else ():
            _name_budget(axes, [trial for trial in trials if trial.budget == budget])
        axes.margins(x=0.16, y=0.1)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        figure.legend(loc="outside lower left", ncols=_LEGEND_COLUMNS, fontsize=11, columnspacing=1.2)
        return to_svg(figure, name=name, description=description)


def _draw_trial(axes: Axes, trial: Trial, *, label: str) -> None:
    (x, x_low, x_high), (y, y_low, y_high) = trial.cost, trial.accuracy
    axes.errorbar(
        x, y, xerr=[[x - x_low], [x_high - x]], yerr=[[y - y_low], [y_high - y]],
        fmt="none", ecolor=_colour(trial), elinewidth=1.2, alpha=0.6,
    )  # fmt: skip
    for run in trial.runs:
        _draw_run(axes, *run, trial)
    _draw_mean(axes, x, y, trial, label=label)


def _name_budget(axes: Axes, trials: Sequence[Trial]) -> None:
    """Below the lowest mark of a budget, in the middle of them all."""
    middle = sum(trial.cost[0] for trial in trials) / len(trials)
    lowest = min(trial.accuracy[1] for trial in trials)
    axes.annotate(
        trials[0].budget, (middle, lowest), (0, -9), textcoords="offset pixels",
        ha="center", va="top", color=MUTED, fontsize=11,
    )  # fmt: skip


def _colour(trial: Trial) -> str:
    return _COLOURS[trial.number % len(_COLOURS)]


def _mark(trial: Trial) -> str:
    return _MARKS[trial.number % len(_MARKS)]


def _draw_mean(axes: Axes, x: float, y: float, trial: Trial, *, label: str = "") -> None:
    """An edge in the page's ink keeps every colour visible on a light and on a dark page."""
    axes.plot(
        x, y, _mark(trial), color=_colour(trial), markersize=8, markeredgecolor=INK, markeredgewidth=0.8,
        label=label or "_unnamed",
    )  # fmt: skip


def _draw_run(axes: Axes, x: float, y: float, trial: Trial) -> None:
    axes.plot(x, y, _mark(trial), color=_colour(trial), markersize=5, alpha=0.65, markeredgewidth=0)
