"""The comparison as one HTML file, offline: the fronts as pictures first, then the tables."""

from collections.abc import Iterator
from typing import Final

from compress.report import figures
from compress.report.compare import tables
from compress.report.compare.comparison import ComparedRow, Cost, RunComparison
from compress.report.html.pictures import Picture
from compress.report.html.templating import fill_template
from compress.report.html.tradeoff import Point, draw_tradeoff

_AXES: Final[dict[Cost, str]] = {
    "latency": "time per call, own original = 100 %",
    "MACs": "million MACs an image",
    "size": "file, MB",
}
_MOST_NAMES: Final = 10
"""With more networks than this in a picture, only those on the front are named."""


def render_comparison_html(comparison: RunComparison) -> str:
    """One HTML document; the same comparison gives the same bytes.

    Args:
        comparison: its names may hold anything, they are escaped.
    """
    return fill_template(
        "compare.html",
        comparison=comparison,
        pictures=tuple(_pictures(comparison)),
        runs=tables.run_table(comparison),
        unlike=tables.unlike_table(comparison) if comparison.unlike else None,
        fronts=tables.front_table(comparison),
        accuracy=tables.accuracy_table(comparison),
        cost=tables.cost_table(comparison),
    )


def _pictures(comparison: RunComparison) -> Iterator[Picture]:
    for cost, axis in _AXES.items():
        priced = [(row, value) for row in comparison.rows if (value := _cost(row, cost)) is not None]
        crowded = len(priced) > _MOST_NAMES
        points = [
            Point(
                label=tables.row_name(row) if cost in row.fronts or not crowded else "",
                cost=value,
                accuracy=(100 * row.top1.value, 100 * row.top1.low, 100 * row.top1.high),
                series=_series(comparison, row),
                on_front=cost in row.fronts,
            )
            for row, value in priced
        ]
        if points:
            front = "; ".join(
                f"{point.label}: {point.accuracy[0]:.2f} % at {figures.three_digits(point.cost[0])}"
                for point in points
                if point.on_front
            )
            description = f"Top-1 over {axis}; on the front: {front}."
            yield Picture(
                title=f"Accuracy over {cost}",
                svg=draw_tradeoff(points, name=f"front-{cost.lower()}", cost=axis, description=description, height=340),
                caption="Only networks on the front are named." if crowded else "",
            )


def _cost(row: ComparedRow, cost: Cost) -> tuple[float, float, float] | None:
    """Its cost in the axis's unit, with the ends of its interval."""
    if cost == "latency":
        if row.latency is None:
            return None
        value, low, high = row.latency.relative
        return 100 * value, 100 * low, 100 * high
    return ((row.macs if cost == "MACs" else row.size_bytes) / 1e6,) * 3


def _series(comparison: RunComparison, row: ComparedRow) -> int:
    """A colour for every run; grey for what several share."""
    if len(row.runs) > 1:
        return 0
    keys = [run.key for run in comparison.runs]
    return 1 + keys.index(row.runs[0])
