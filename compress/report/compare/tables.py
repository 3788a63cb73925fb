"""The comparison's tables as plain strings; the terminal and the page show the same ones."""

from collections.abc import Callable
from typing import Final

from compress.report import figures
from compress.report.compare.comparison import COSTS, ComparedRow, Cost, RunComparison
from compress.report.sections import Table

MARK = " *"
"""Behind the name of every row, where the protocols differ."""

_SHOWN: Final[dict[Cost, Callable[[float], str]]] = {
    "latency": figures.percent,
    "MACs": figures.count,
    "size": lambda value: figures.file_size(round(value)),
}


def comparison_tables(comparison: RunComparison) -> tuple[Table, ...]:
    """What is compared, in what it differs, and what it came to."""
    tables = [run_table(comparison), accuracy_table(comparison), cost_table(comparison), front_table(comparison)]
    if comparison.unlike:
        tables.insert(1, unlike_table(comparison))
    return tuple(tables)


def run_table(comparison: RunComparison) -> Table:
    """The letters of the other tables."""
    return Table(
        title="Runs",
        columns=("", "name", "network", "data", "pixels", "measured"),
        words=frozenset({"name", "network", "data", "measured"}),
        rows=tuple(
            (run.key, run.name, run.arch or "-", run.dataset, str(run.image_size), run.created[:10])
            for run in comparison.runs
        ),
    )


def unlike_table(comparison: RunComparison) -> Table:
    """In what the protocols differ."""
    return Table(
        title="* Compared by force: every row stands beside rows of another protocol",
        columns=("unlike", "run", "value"),
        words=frozenset({"run", "value"}),
        rows=tuple(
            (difference.fact if number == 0 else "", key, value)
            for difference in comparison.unlike
            for number, (key, value) in enumerate(difference.values.items())
        ),
    )


def accuracy_table(comparison: RunComparison) -> Table:
    """What the networks get right, and what they lost."""
    return Table(
        title="Accuracy of the files (95 % intervals; change: points of Top-1 against the run's own original)",
        columns=("network", "weights", "Top-1", "95 %", "change", "95 %"),
        words=frozenset({"weights"}),
        rows=tuple(
            (
                row_name(row),
                row.precision,
                figures.rate(row.top1),
                figures.rate_interval(row.top1),
                figures.change(row.drop),
                figures.change_interval(row.drop),
            )
            for row in comparison.rows
        ),
    )


def cost_table(comparison: RunComparison) -> Table:
    """What the networks cost."""
    setting = comparison.setting
    where = "not measured alike"
    if setting is not None:
        where = figures.setting(setting.batch_size, setting.threads)
    return Table(
        title=f"Cost of the files (ms: median of the pair with the run's own original, {where}; ratio: to it)",
        columns=("network", "ms", "ratio", "95 %", "MACs", "params", "size"),
        rows=tuple((row_name(row), *_latency(row), *_size(row)) for row in comparison.rows),
    )


def front_table(comparison: RunComparison) -> Table:
    """The Pareto fronts, cheapest network first."""
    lines = []
    for cost, value_of in COSTS.items():
        front = [(value, row) for row in comparison.rows if cost in row.fronts and (value := value_of(row)) is not None]
        front.sort(key=lambda point: (point[0][0], -point[1].top1.value))
        lines += [
            (cost if number == 0 else "", row_name(row), _SHOWN[cost](value[0]), figures.rate(row.top1))
            for number, (value, row) in enumerate(front)
        ]
    return Table(
        title=(
            "Best trade-offs (Pareto fronts: no other network is cheaper and as accurate; of those that no interval "
            "tells apart the first of the table; cheapest first; "
            "latency: time per call, the run's own original = 100 %)"
        ),
        columns=("over", "network", "cost", "Top-1"),
        words=frozenset({"network"}),
        rows=tuple(lines),
    )


def row_name(row: ComparedRow) -> str:
    """The row's name, marked where the protocols differ."""
    return row.label + (MARK if row.unlike else "")


def _latency(row: ComparedRow) -> tuple[str, str, str]:
    latency = row.latency
    if latency is None:
        return "-", "-", "-"
    if latency.ratio is None or latency.ratio_low is None or latency.ratio_high is None:
        return figures.milliseconds(latency.p50_ms), "-", "-"
    ratio = f"{latency.ratio:.2f}x"
    return figures.milliseconds(latency.p50_ms), ratio, figures.span(latency.ratio_low, latency.ratio_high)


def _size(row: ComparedRow) -> tuple[str, str, str]:
    return figures.count(row.macs), figures.count(row.parameters), figures.file_size(row.size_bytes)
