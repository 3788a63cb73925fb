"""A comparison as a document: runs, plots, Pareto fronts, accuracy and cost of every network."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from compress.report import figures
from compress.report.compare.comparison import COSTS, ComparedDevice, ComparedRow, Cost, RunComparison
from compress.report.plots.tradeoff import Point, describe_points, draw_tradeoff
from compress.report.sections import Column, Document, Plot, Section, Table, table_of


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
_COLUMNS: Final[dict[str, tuple[Column[ComparedRow], ...]]] = {
    "Accuracy of the files": (
        ("weights", lambda row: row.precision),
        ("Top-1", lambda row: figures.rate(row.top1)),
        ("95 %", lambda row: figures.rate_interval(row.top1)),
        ("change", lambda row: figures.change(row.drop)),
        ("95 %", lambda row: figures.change_interval(row.drop)),
    ),
    "Cost of the files": (
        ("ms", lambda row: figures.milliseconds(None if row.latency is None else row.latency.p50_ms)),
        ("ratio", lambda row: _ratio(row)[0]),
        ("95 %", lambda row: _ratio(row)[1]),
        ("MACs", lambda row: figures.count(row.macs)),
        ("params", lambda row: figures.count(row.parameters)),
        ("size", lambda row: figures.file_size(row.size_bytes)),
    ),
}
"""Title -> columns after the network's name."""


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
            Section("Networks", tables=tuple(_network_tables(comparison))),
            Section("Best trade-offs", tables=(_front_table(comparison),)),
            Section("Devices", tables=(_device_table(comparison),)),
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


def _network_tables(comparison: RunComparison) -> Iterator[Table]:
    setting = comparison.setting
    measured = figures.setting(setting.batch_size, setting.threads) if setting else "no common setting"
    notes = (
        "95 % intervals; change: points of Top-1 against the run's own original",
        f"median ms of the pair with the run's own original, {measured}; ratio: to that original",
    )
    series = tuple(_series(comparison, row) for row in comparison.rows)
    for note, (title, columns) in zip(notes, _COLUMNS.items(), strict=True):
        named = [("network", _row_name), *columns]
        yield table_of(title, comparison.rows, named, note=note, words=frozenset({"weights"}), series=series)


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


def _device_table(comparison: RunComparison) -> Table:
    """What devices measured, apart from the times of this comparison's machine."""
    columns: list[Column[ComparedDevice]] = [
        ("device", lambda row: row.device),
        ("network", lambda row: f"{row.run} {row.candidate}"),
        ("against", lambda row: row.original),
        ("setting", lambda row: figures.setting(row.batch_size, row.threads)),
        ("ms", lambda row: figures.milliseconds(row.p50_ms)),
        ("ratio", lambda row: f"{row.ratio:.2f}x"),
        ("95 %", lambda row: figures.span(row.ratio_low, row.ratio_high)),
        ("note", _device_note),
    ]
    return table_of(
        "On devices",
        sorted(comparison.devices, key=lambda row: (row.device, row.run)),
        columns,
        note="median ms per call on the device; ratio: to the run's own file named under against, timed in turn there",
        words=frozenset({"network", "against", "setting", "note"}),
        detail_columns=frozenset({"against", "setting"}),
    )


def _device_note(row: ComparedDevice) -> str | None:
    notes = [*(["noisy"] if row.noisy else []), *([] if row.passed else ["answers differ"])]
    return ", ".join(notes) or None


def _plots(comparison: RunComparison) -> Iterator[Plot]:
    """Accuracy over each cost, with the Pareto front."""
    colours = [_series(comparison, row) for row in comparison.rows]
    for cost, axis in _AXES.items():
        points = [
            Point(
                label=_row_name(row),
                cost=(axis.scale * value[0], axis.scale * value[1], axis.scale * value[2]),
                accuracy=row.top1.percent,
                series=colour,
                mark=colours[:place].count(colour),
                on_front=cost in row.fronts,
            )
            for place, (row, colour) in enumerate(zip(comparison.rows, colours, strict=True))
            if (value := COSTS[cost](row))
        ]
        if points:
            best = describe_points(point for point in points if point.on_front)
            yield Plot(
                title=f"Accuracy over {cost}",
                description=f"Top-1 over {axis.label}; on the front: {best}.",
                draw=partial(draw_tradeoff, points, cost=axis.label),
                caption="Up and to the left is better. Lines through the marks: 95 % intervals. Dashed: Pareto front.",
            )


def _row_name(row: ComparedRow) -> str:
    """The row's name, marked if the protocols differ."""
    return row.label + (" *" if row.unlike else "")


def _ratio(row: ComparedRow) -> tuple[str, str]:
    latency = row.latency
    if latency is None or latency.ratio is None or latency.ratio_low is None or latency.ratio_high is None:
        return "-", "-"
    return f"{latency.ratio:.2f}x", figures.span(latency.ratio_low, latency.ratio_high)


def _series(comparison: RunComparison, row: ComparedRow) -> int:
    """A colour for every run; grey for networks of several runs."""
    return 0 if len(row.runs) > 1 else 1 + [run.key for run in comparison.runs].index(row.runs[0])
