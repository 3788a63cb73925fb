"""Where the time goes: layers and operators, original beside candidate. Profiling slows every node: shares count."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from compress.report import figures
from compress.report.model import Report
from compress.report.sections import Table
from exporters.measure.profile import LayerTime, OperatorProfile

TITLE: Final = "Where the time goes"
COLUMNS: Final = ("layer", "kind", "before", "after", "share before", "share after", "MACs kept", "note")
_WIDE: Final = frozenset({"kind", "share before"})
"""Columns that a narrow table goes without."""
_NARROW: Final = {"share after": "share", "MACs kept": "MACs"}
"""Their shorter names there, so that those of layers have room."""


def layer_times(report: Report) -> tuple[LayerTime, ...]:
    """The layers, those that the candidate spends most time in first."""
    return _slowest_first(() if report.operators is None else report.operators.layers)


def operator_times(report: Report) -> tuple[LayerTime, ...]:
    """The layers' times added up by operator; the note counts the layers."""
    layers = () if report.operators is None else report.operators.layers
    kinds = []
    for kind, group in groupby(sorted(layers, key=lambda row: row.kind), key=lambda row: row.kind):
        rows = list(group)
        before, after = _sum(row.original_ms for row in rows), _sum(row.candidate_ms for row in rows)
        kinds.append(LayerTime(kind, kind, before, after, None, figures.plural(len(rows), "layer")))
    return _slowest_first(kinds)


def shares(report: Report, layer: LayerTime) -> tuple[str, str]:
    """A layer's part of all nodes' time, in the original and in the candidate."""
    assert report.operators is not None
    return (
        _share(layer.original_ms, _sum(row.original_ms for row in report.operators.layers)),
        _share(layer.candidate_ms, _sum(row.candidate_ms for row in report.operators.layers)),
    )


def how_profiled(profile: OperatorProfile) -> str:
    """How the times came about, in words."""
    return (
        f"µs per call in onnxruntime's profile, mean of the middle half of {figures.plural(profile.calls, 'call')}, "
        f"{figures.setting(profile.batch_size, profile.threads)}; profiling slows every node: compare shares"
    )


def layer_table(report: Report, *, most: int | None = None) -> Table:
    """Time per layer, original beside candidate.

    Args:
        report: the report.
        most: only so many rows, in a narrow table; all where ``None``.
    """
    if report.operators is None:
        return Table(TITLE, (), ())
    layers, whole = layer_times(report), most is None
    rest = "" if whole else "; share: of all nodes' time after; MACs: kept"
    rest += "" if most is None or len(layers) <= most else f"; {most} of {len(layers)} layers"
    return Table(
        title=f"{TITLE} ({how_profiled(report.operators)}{rest})",
        columns=COLUMNS if whole else tuple(_NARROW.get(name, name) for name in COLUMNS if name not in _WIDE),
        rows=tuple(
            tuple(cell for name, cell in zip(COLUMNS, _cells(report, layer), strict=True) if whole or name not in _WIDE)
            for layer in layers[:most]
        ),
        words=frozenset({"kind", "note"}),
    )


def _cells(report: Report, layer: LayerTime) -> tuple[str, ...]:
    """A cell for each of ``COLUMNS``."""
    return (
        layer.layer,
        layer.kind,
        figures.microseconds(layer.original_ms),
        figures.microseconds(layer.candidate_ms),
        *shares(report, layer),
        "-" if layer.macs_kept is None else figures.percent(layer.macs_kept),
        layer.note,
    )


def _slowest_first(layers: Sequence[LayerTime]) -> tuple[LayerTime, ...]:
    return tuple(sorted(layers, key=lambda layer: (-(layer.candidate_ms or 0.0), -(layer.original_ms or 0.0))))


def _sum(times: Iterable[float | None]) -> float | None:
    measured = [ms for ms in times if ms is not None]
    return sum(measured) if measured else None


def _share(part: float | None, whole: float | None) -> str:
    return figures.percent(part / whole) if part is not None and whole else "-"
