"""A comparison as a document: runs, plots, Pareto fronts, accuracy and cost of every network."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from compress.report import figures
from compress.report.compare.comparison import COSTS, ComparedRow, Cost, RunComparison
from compress.report.plots.tradeoff import Point, draw_tradeoff
from compress.report.sections import Document, Plot, Section, Table

MARK: Final = " *"
"""Follows the name of every row if the protocols differ."""

_SHARED: Final = 0
"""The colour number of networks that are in several runs."""


class Axis(NamedTuple):
    """How a cost is shown: its axis in the plots, the axis's unit, and one value in the table."""

    label: str
    scale: float
    show: Callable[[float], str]


_AXES: Final[dict[Cost, Axis]] = {
    "latency": Axis("time per call, own original = 100 %", 100, figures.percent),
    "MACs": Axis("million MACs per image", 1e-6, figures.count),
    "size": Axis("file, MB", 1e-6, lambda value: figures.file_size(round(value))),
}


def comparison_document(comparison: RunComparison) -> Document:
    """The whole comparison; the same comparison gives the same document."""
    networks = figures.plural(len(comparison.rows), "network")
    protocol = "One protocol: the same test images, processor, threads, onnxruntime and session options."
    headline = f"{networks}, measured on the files in onnxruntime. "
    return Document(
        command="compare",
        title=f"{figures.plural(len(comparison.runs), 'run')} side by side",
        headlines=(headline + ("The protocols differ." if comparison.unlike else protocol),),
        sections=(
            _forced(comparison),
            Section("Runs", tables=(_run_table(comparison),)),
            Section("Accuracy over cost", plots=tuple(_plots(comparison))),
            Section("Networks", tables=(_accuracy_table(comparison), _cost_table(comparison))),
            Section("Best trade-offs", tables=(_front_table(comparison),)),
            Section("Notes", texts=comparison.notes),
        ),
        footer="Compared by compress.",
    )


def _forced(comparison: RunComparison) -> Section:
    """The differences between the protocols; empty if there are none."""
    if not comparison.unlike:
        return Section("")
    rows = tuple(
        (difference.fact if number == 0 else "", key, value)
        for difference in comparison.unlike
        for number, (key, value) in enumerate(difference.values.items())
    )
    warning = (
        "These reports were not measured in the same way, so differences between rows of different runs say "
        "nothing about the networks. Every row is marked with *."
    )
    table = Table("Differences of protocol", ("fact", "run", "value"), rows, words=frozenset({"run", "value"}))
    return Section("Compared by force", texts=(warning,), tables=(table,))


def _run_table(comparison: RunComparison) -> Table:
    return Table(
        title="Runs",
        columns=("", "name", "network", "data", "pixels", "measured"),
        words=frozenset({"name", "network", "data", "measured"}),
        rows=tuple(
            (run.key, run.name, run.arch or "-", run.dataset, str(run.image_size), run.created[:10])
            for run in comparison.runs
        ),
    )


def _accuracy_table(comparison: RunComparison) -> Table:
    return Table(
        title="Accuracy of the files",
        note="95 % intervals; change: points of Top-1 against the run's own original",
        columns=("network", "weights", "Top-1", "95 %", "change", "95 %"),
        words=frozenset({"weights"}),
        rows=tuple((_row_name(row), row.precision, *_accuracy(row)) for row in comparison.rows),
        series=tuple(_series(comparison, row) for row in comparison.rows),
    )


def _cost_table(comparison: RunComparison) -> Table:
    setting = comparison.setting
    measured = figures.setting(setting.batch_size, setting.threads) if setting else "no common setting"
    return Table(
        title="Cost of the files",
        note=f"median ms of the pair with the run's own original, {measured}; ratio: to that original",
        columns=("network", "ms", "ratio", "95 %", "MACs", "params", "size"),
        rows=tuple((_row_name(row), *_latency(row), *_size(row)) for row in comparison.rows),
        series=tuple(_series(comparison, row) for row in comparison.rows),
    )


def _front_table(comparison: RunComparison) -> Table:
    """The Pareto fronts, cheapest network first."""
    lines = []
    for cost, value_of in COSTS.items():
        front = [(value[0], row) for row in comparison.rows if cost in row.fronts and (value := value_of(row))]
        front.sort(key=lambda point: (point[0], -point[1].top1.value))
        lines += [
            (cost if number == 0 else "", _row_name(row), _AXES[cost].show(value), figures.rate(row.top1))
            for number, (value, row) in enumerate(front)
        ]
    return Table(
        title="Best trade-offs",
        note=(
            "Pareto fronts: no other network is cheaper and as accurate; of networks that no interval distinguishes, "
            "the first of the table; cheapest first; latency: time per call, the run's own original = 100 %"
        ),
        columns=("over", "network", "cost", "Top-1"),
        words=frozenset({"network"}),
        rows=tuple(lines),
    )


def _plots(comparison: RunComparison) -> Iterator[Plot]:
    """Accuracy over each cost, with the Pareto front."""
    for cost, axis in _AXES.items():
        points = []
        for row in comparison.rows:
            if value := COSTS[cost](row):
                middle, low, high = (axis.scale * part for part in value)
                series = _series(comparison, row)
                points.append(
                    Point(
                        label=_row_name(row),
                        cost=(middle, low, high),
                        accuracy=(100 * row.top1.value, 100 * row.top1.low, 100 * row.top1.high),
                        series=series,
                        mark=[other for other in comparison.rows if _series(comparison, other) == series].index(row),
                        on_front=cost in row.fronts,
                    )
                )
        if points:
            best = "; ".join(
                f"{point.label}: {point.accuracy[0]:.2f} % at {figures.three_digits(point.cost[0])}"
                for point in points
                if point.on_front
            )
            yield Plot(
                title=f"Accuracy over {cost}",
                description=f"Top-1 over {axis.label}; on the front: {best}.",
                draw=partial(draw_tradeoff, points, cost=axis.label),
                caption="Up and to the left is better. Lines through the marks: 95 % intervals. Dashed: Pareto front.",
            )


def _row_name(row: ComparedRow) -> str:
    """The row's name, marked if the protocols differ."""
    return row.label + (MARK if row.unlike else "")


def _accuracy(row: ComparedRow) -> tuple[str, ...]:
    change = figures.change(row.drop), figures.change_interval(row.drop)
    return figures.rate(row.top1), figures.rate_interval(row.top1), *change


def _size(row: ComparedRow) -> tuple[str, ...]:
    return figures.count(row.macs), figures.count(row.parameters), figures.file_size(row.size_bytes)


def _latency(row: ComparedRow) -> tuple[str, str, str]:
    latency = row.latency
    if latency is None:
        return "-", "-", "-"
    if latency.ratio is None or latency.ratio_low is None or latency.ratio_high is None:
        return figures.milliseconds(latency.p50_ms), "-", "-"
    ratio = f"{latency.ratio:.2f}x"
    return figures.milliseconds(latency.p50_ms), ratio, figures.span(latency.ratio_low, latency.ratio_high)


def _series(comparison: RunComparison, row: ComparedRow) -> int:
    """A colour for every run; grey for networks of several runs."""
    keys = [run.key for run in comparison.runs]
    return _SHARED if len(row.runs) > 1 else 1 + keys.index(row.runs[0])
