"""Accuracy over a cost: one mark for every network, with its intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from matplotlib.axes import Axes

from compress.report import figures
from compress.report.plots.svg import MUTED, house_style, new_figure, series, shorten, to_svg
from compress.report.results import Span

MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">", "p", "*")
_HEIGHT, _LEGEND_LINE = 300.0, 19.0  # CSS pixels


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
    with house_style():
        figure, axes = new_figure(_HEIGHT + _LEGEND_LINE * -(-len(points) // columns))
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
