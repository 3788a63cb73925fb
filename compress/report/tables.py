"""The report's tables as plain strings; the terminal and Markdown renderers show the same ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import JsonValue

from compress.report import figures
from compress.report.model import NetworkRow, Report


@dataclass(frozen=True)
class Table:
    """A title, column names and rows of cells; names of users are not escaped yet."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_NETWORK_LINES: tuple[tuple[str, Callable[[NetworkRow], str]], ...] = (
    ("file", lambda row: PurePosixPath(row.file).name),
    ("sha256", lambda row: row.sha256[:12]),
    ("size", lambda row: figures.file_size(row.size_bytes)),
    ("parameters", lambda row: figures.count(row.parameters)),
    ("params kept", lambda row: figures.percent(row.kept_parameters)),
    ("MACs", lambda row: figures.count(row.macs)),
    ("MACs kept", lambda row: figures.percent(row.kept_macs)),
    ("epochs", lambda row: "as given" if row.epochs is None else str(row.epochs)),
    ("Top-1", lambda row: figures.rate(row.accuracy.top1)),
    ("Top-1, 95 %", lambda row: figures.rate_interval(row.accuracy.top1)),
    ("Top-3", lambda row: figures.rate(row.accuracy.top3)),
    ("Top-5", lambda row: figures.rate(row.accuracy.top5)),
    ("loss", lambda row: f"{row.accuracy.loss:.4f}"),
    ("points lost", lambda row: "-" if row.drop is None else f"{row.drop.points:.2f}"),
    ("lost, 95 %", lambda row: "-" if row.drop is None else figures.span(row.drop.low, row.drop.high)),
)


def network_table(report: Report) -> Table:
    """One column per network, accuracy of the files included."""
    return Table(
        title=f"Networks (accuracy of the files, {figures.plural(report.data.test, 'test image')})",
        columns=("", *(row.label for row in report.networks)),
        rows=tuple((name, *(show(row) for row in report.networks)) for name, show in _NETWORK_LINES),
    )


def latency_table(report: Report) -> Table:
    """Medians, and the ratio that decides."""
    return Table(
        title="Latency of the files (onnxruntime; median ms per call; ratio: median over pairs)",
        columns=("pair", "batch", "threads", "before", "after", "ratio", "95 %", "verdict"),
        rows=tuple(
            (
                f"{pair.original} -> {pair.candidate}",
                str(row.batch_size),
                str(row.threads),
                figures.milliseconds(row.original.p50_ms),
                figures.milliseconds(row.candidate.p50_ms),
                f"{row.ratio:.2f}x",
                figures.span(row.ratio_low, row.ratio_high),
                row.verdict + (", noisy" if row.noisy else ""),
            )
            for pair in report.latency
            for row in (pair.comparison,)
        ),
    )


def percentile_table(report: Report) -> Table:
    """Percentiles, where the samples allow them."""
    return Table(
        title="Latency percentiles (ms per call; a dash: too few samples)",
        columns=("batch", "threads", "network", "samples", "p50", "p90", "p99"),
        rows=tuple(
            (
                str(row.batch_size),
                str(row.threads),
                label,
                str(timing.samples),
                *(figures.milliseconds(value) for value in (timing.p50_ms, timing.p90_ms, timing.p99_ms)),
            )
            for pair in report.latency
            for row in (pair.comparison,)
            for label, timing in ((pair.original, row.original), (pair.candidate, row.candidate))
        ),
    )


def check_table(report: Report) -> Table:
    """The two equalities every run has to show."""
    checks = []
    if report.run is not None:
        removal = report.run.removal
        checks.append(
            (
                "masked = smaller network",
                f"{removal.images:,}",
                figures.small(removal.max_abs_difference),
                figures.small(removal.tolerance),
                "-",
            )
        )
    return Table(
        title="Checks (largest difference of any logit, on real images)",
        columns=("check", "images", "difference", "allowed", "same class"),
        rows=(
            *checks,
            *(
                (
                    f"torch = onnxruntime, {row.label}",
                    f"{row.parity.images:,}",
                    figures.small(row.parity.max_abs_difference),
                    figures.small(row.parity.tolerance),
                    f"{row.parity.argmax_agreeing:,} / {row.parity.images:,}",
                )
                for row in report.networks
                if row.parity is not None
            ),
        ),
    )


def layer_table(report: Report) -> Table:
    """Channels of every layer before and after."""
    return Table(
        title="Layers (channels before -> after)",
        columns=("layer", "kind", "in", "out"),
        rows=tuple(
            (row.name, row.kind, f"{row.in_before} -> {row.in_after}", f"{row.out_before} -> {row.out_after}")
            for row in (report.run.layers if report.run else ())
        ),
    )


def history_table(report: Report) -> Table:
    """The search, epoch by epoch; columns are whatever the search recorded."""
    history = report.run.search.history if report.run else ()
    names = tuple(dict.fromkeys(name for epoch in history for name in epoch))
    return Table(
        title="Search, epoch by epoch",
        columns=names,
        rows=tuple(tuple(f"{epoch[name]:.5g}" if name in epoch else "-" for name in names) for epoch in history),
    )


def time_table(report: Report) -> Table:
    """What each stage took."""
    seconds = report.run.seconds if report.run else {}
    stages = [(name, figures.duration(taken)) for name, taken in seconds.items()]
    return Table(
        title="Time",
        columns=("stage", "time"),
        rows=(*stages, ("total", figures.duration(sum(seconds.values())))),
    )


def machine_table(report: Report) -> Table:
    """Machine and versions."""
    return Table("Machine and versions", ("", ""), tuple(_flatten(report.environment)))


def setting_table(report: Report) -> Table:
    """The run's settings."""
    return Table("Settings", ("", ""), tuple(_flatten(report.run.config if report.run else {})))


def _flatten(values: dict[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)
