"""Accuracy over a cost: one mark a network, with its intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.report.plots.svg import INK, MUTED, PANEL, house_style, new_figure, series, shorten, to_svg

MOST_NAMES: Final = 5
"""With more networks than this in a plot they have numbers there; names would lie on each other."""

_MARKS: Final = ("o", "o", "s", "D", "^", "v", "P", "X", "<", ">")
_LETTER, _DIGIT, _LINE, _APART = 6.3, 8.0, 13.0, 4.0  # about their sizes, in units of the figure
# Where a name may stand beside its mark, best first: offset in units, and how the text is aligned.
_PLACES: Final = tuple(
    place
    for far in (0, 17, 36, 56)
    for place in (
        (9 + far, 7, "left", "bottom"), (-9 - far, 7, "right", "bottom"),
        (9 + far, -7, "left", "top"), (-9 - far, -7, "right", "top"),
        (0, 14 + far, "center", "bottom"), (0, -14 - far, "center", "top"),
        (9, 7 + far, "left", "bottom"), (9, -7 - far, "left", "top"),
        (-9, 7 + far, "right", "bottom"), (-9, -7 - far, "right", "top"),
    )
)  # fmt: skip
_BESIDE: Final = 20  # a name further off than this is joined to its mark by a line
_LEADER: Final[dict[str, Any]] = {
    "arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4, "relpos": (0.5, 0.5),
}  # fmt: skip

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """A network in the plot.

    Attributes:
        label: its name, or its number in the page.
        cost: horizontal value with the ends of its interval: (value, low, high), equal where it is exact.
        accuracy: vertical value likewise, in percent.
        series: number of its colour.
        on_front: whether no other network is better in both.
    """

    label: str
    cost: tuple[float, float, float]
    accuracy: tuple[float, float, float]
    series: int
    on_front: bool = False


def draw_tradeoff(points: Sequence[Point], *, name: str, cost: str, description: str, height: float = 290) -> Markup:
    """A plot of Top-1 over a cost that starts at 0; up and to the left is better.

    Args:
        points: the networks; those ``on_front`` are joined by a line.
        name: of the picture, its own in the page.
        cost: what the horizontal axis is, with its unit.
        description: for those who do not see it.
        height: in CSS pixels at full size.
    """
    with house_style():
        figure, axes = new_figure(height)
        front = sorted((point.cost[0], point.accuracy[0]) for point in points if point.on_front)
        if len(front) > 1:
            axes.step(*zip(*front, strict=True), where="post", color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        for point in points:
            _draw_point(axes, point)
        axes.set_xlim(0, 1.12 * max(point.cost[2] for point in points) or 1)
        axes.margins(y=0.16)
        axes.set_xlabel(cost)
        axes.set_ylabel("Top-1, %")
        _draw_names(figure, axes, points)
        return to_svg(figure, name=name, description=description)


def _draw_point(axes: Axes, point: Point) -> None:
    (x, x_low, x_high), (y, y_low, y_high) = point.cost, point.accuracy
    colour = series(point.series)
    axes.errorbar(
        x, y, xerr=[[max(0, x - x_low)], [max(0, x_high - x)]], yerr=[[max(0, y - y_low)], [max(0, y_high - y)]],
        fmt="none", ecolor=colour, elinewidth=1.4, alpha=0.75,
    )  # fmt: skip
    mark = _MARKS[point.series % len(_MARKS)]
    axes.plot(x, y, mark, color=colour, markersize=9, markeredgecolor=PANEL, markeredgewidth=1.5)


def _draw_names(figure: Figure, axes: Axes, points: Sequence[Point]) -> None:
    """Each name where it covers least: of marks, of names before it, of the plot's edge."""
    figure.draw_without_rendering()  # settles the layout
    figure.set_layout_engine("none")
    frame = axes.bbox
    marks = [tuple(axes.transData.transform((point.cost[0], point.accuracy[0]))) for point in points]
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in marks]
    for point, (x, y) in zip(points, marks, strict=True):
        text = shorten(point.label, 26)
        choices = [(place, _box(x, y, _width(text), place)) for place in _PLACES]
        edge: Box = (frame.x0, frame.y0, frame.x1, frame.y1)
        (right, up, across, along), box = min(
            choices, key=lambda choice: sum(_overlaps(choice[1], taken)) + _outside(choice[1], edge)
        )
        taken.append(box)
        axes.annotate(
            text, (point.cost[0], point.accuracy[0]), (right, up), textcoords="offset pixels",
            ha=across, va=along, annotation_clip=False, **_letters(point),
            arrowprops=_LEADER if max(abs(right), abs(up)) > _BESIDE else None,
        )  # fmt: skip


def _letters(point: Point) -> dict[str, Any]:
    """A number is in the colour of its mark: where marks crowd, that tells whose it is."""
    if point.label.isdigit():
        return {"color": series(point.series), "fontsize": 12, "fontweight": "bold"}
    return {"color": INK, "fontsize": 11.5}


def _width(text: str) -> float:
    return len(text) * (_DIGIT if text.isdigit() else _LETTER) + _APART


def _box(x: float, y: float, width: float, place: tuple[float, float, str, str]) -> Box:
    right, up, across, along = place
    left = x + right - {"left": 0.0, "center": width / 2, "right": width}[across]
    bottom = y + up - (0.0 if along == "bottom" else _LINE)
    return left, bottom, left + width, bottom + _LINE


def _overlaps(box: Box, others: Sequence[Box]) -> Iterator[float]:
    for other in others:
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        if width > 0 and height > 0:
            yield width * height


def _outside(box: Box, edge: Box) -> float:
    """How far a box stands out, weighed more than any overlap."""
    return 100 * sum(max(0.0, edge[side] - box[side]) + max(0.0, box[side + 2] - edge[side + 2]) for side in (0, 1))
