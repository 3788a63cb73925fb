"""The comparison as one HTML file, offline: the fronts as pictures first, then the tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from compress.report import figures
from compress.report.compare import tables
from compress.report.compare.comparison import COSTS, ComparedRow, Cost, RunComparison
from compress.report.html.pictures import Picture
from compress.report.html.templating import fill_template
from compress.report.plots.tradeoff import MOST_NAMES, Point, draw_tradeoff

_AXES: Final[dict[Cost, str]] = {
    "latency": "time per call, own original = 100 %",
    "MACs": "million MACs an image",
    "size": "file, MB",
}
_SCALE: Final[dict[Cost, float]] = {"latency": 100, "MACs": 1e-6, "size": 1e-6}
_SHARED: Final = 0
"""The colour of what several runs share."""


@dataclass(frozen=True)
class Key:
    """What a colour or a number of the pictures stands for."""

    series: int
    label: str


def render_comparison_html(comparison: RunComparison) -> str:
    """One HTML document; the same comparison gives the same bytes.

    Args:
        comparison: its names may hold anything, they are escaped.
    """
    return fill_template(
        "compare.html",
        comparison=comparison,
        pictures=tuple(_pictures(comparison)),
        run_keys=_run_keys(comparison),
        network_keys=_network_keys(comparison),
        runs=tables.run_table(comparison),
        unlike=tables.unlike_table(comparison) if comparison.unlike else None,
        fronts=tables.front_table(comparison),
        accuracy=tables.accuracy_table(comparison),
        cost=tables.cost_table(comparison),
    )


def _numbered(comparison: RunComparison) -> bool:
    return len(comparison.rows) > MOST_NAMES


def _run_keys(comparison: RunComparison) -> tuple[Key, ...]:
    """The colour of every run, and of what several share."""
    runs = [Key(1 + place, f"{run.key} {run.name}") for place, run in enumerate(comparison.runs)]
    shared = any(len(row.runs) > 1 for row in comparison.rows)
    return (*([Key(_SHARED, "in several runs")] if shared else []), *runs)


def _network_keys(comparison: RunComparison) -> tuple[Key, ...]:
    """The numbers in the pictures; none where there is room for names."""
    if not _numbered(comparison):
        return ()
    named = enumerate(comparison.rows, 1)
    return tuple(Key(_series(comparison, row), f"{number} {tables.row_name(row)}") for number, row in named)


def _pictures(comparison: RunComparison) -> Iterator[Picture]:
    for cost, axis in _AXES.items():
        points, told = [], []
        for number, row in enumerate(comparison.rows, 1):
            value = COSTS[cost](row)
            if value is None:
                continue
            name = tables.row_name(row)
            point = Point(
                label=str(number) if _numbered(comparison) else name,
                cost=(value[0] * _SCALE[cost], value[1] * _SCALE[cost], value[2] * _SCALE[cost]),
                accuracy=(100 * row.top1.value, 100 * row.top1.low, 100 * row.top1.high),
                series=_series(comparison, row),
                on_front=cost in row.fronts,
            )
            points.append(point)
            if point.on_front:
                told.append(f"{name}: {point.accuracy[0]:.2f} % at {figures.three_digits(point.cost[0])}")
        if points:
            description = f"Top-1 over {axis}; on the front: {'; '.join(told)}."
            yield Picture(
                title=f"Accuracy over {cost}",
                svg=draw_tradeoff(points, name=f"front-{cost.lower()}", cost=axis, description=description, height=340),
                caption="",
            )


def _series(comparison: RunComparison, row: ComparedRow) -> int:
    """A colour for every run; grey for what several share."""
    if len(row.runs) > 1:
        return _SHARED
    keys = [run.key for run in comparison.runs]
    return 1 + keys.index(row.runs[0])
