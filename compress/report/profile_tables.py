"""Where the time goes: operators and layers, original beside candidate."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from compress.report import figures
from compress.report.model import Report
from compress.report.sections import Bars, Table
from exporters.measure.profile import LayerTime, OperatorProfile


def how_profiled(profile: OperatorProfile) -> str:
    """How the times were measured, in a sentence."""
    return (
        f"µs per call in onnxruntime's profile, mean of the middle half of {figures.plural(profile.calls, 'call')}, "
        f"{figures.setting(profile.batch_size, profile.threads)}; profiling slows every node: compare shares."
    )


def operator_table(report: Report) -> Table:
    """The layers' times added up by operator; the note counts the layers."""
    kinds = []
    for kind, group in groupby(sorted(_layers(report), key=lambda row: row.kind), key=lambda row: row.kind):
        rows = list(group)
        before, after = _sum(row.original_ms for row in rows), _sum(row.candidate_ms for row in rows)
        kinds.append(LayerTime(kind, kind, before, after, None, figures.plural(len(rows), "layer")))
    return _time_table(report, "Time by operator", "operator", kinds, without=("kind", "MACs"), short=5)


def layer_table(report: Report) -> Table:
    """Time of each layer, those that the candidate spends most time in first."""
    return _time_table(report, "Time by layer", "layer", _layers(report), short=10)


def _layers(report: Report) -> tuple[LayerTime, ...]:
    return () if report.operators is None else report.operators.layers


def _time_table(
    report: Report, title: str, first: str, times: Sequence[LayerTime], *, short: int, without: tuple[str, ...] = ()
) -> Table:
    """A row for each time, slowest in the candidate first."""
    before, after = (_sum(getattr(row, side) for row in _layers(report)) for side in ("original_ms", "candidate_ms"))
    ordered = sorted(times, key=lambda row: (-(row.candidate_ms or 0.0), -(row.original_ms or 0.0)))
    cells: dict[str, Callable[[LayerTime], str]] = {
        first: lambda row: row.layer,
        "kind": lambda row: row.kind,
        "before": lambda row: figures.microseconds(row.original_ms),
        "after": lambda row: figures.microseconds(row.candidate_ms),
        "share before": lambda row: _share(row.original_ms, before),
        "share": lambda row: _share(row.candidate_ms, after),
        "MACs": lambda row: "-" if row.macs_kept is None else figures.percent(row.macs_kept),
        "note": lambda row: row.note,
    }
    columns = tuple(name for name in cells if name not in without)
    return Table(
        title=title,
        columns=columns,
        rows=tuple(tuple(cells[name](row) for name in columns) for row in ordered),
        note=f"before, after: µs; share: of all nodes' time, after{'' if 'MACs' in without else '; MACs: kept'}",
        words=frozenset({"kind", "note"}),
        detail_columns=frozenset({"kind", "share before"}),
        short=short,
        marks=tuple(Bars((row.original_ms or 0.0, row.candidate_ms or 0.0)) for row in ordered),
    )


def _sum(times: Iterable[float | None]) -> float | None:
    measured = [ms for ms in times if ms is not None]
    return sum(measured) if measured else None


def _share(part: float | None, whole: float | None) -> str:
    return figures.percent(part / whole) if part is not None and whole else "-"
