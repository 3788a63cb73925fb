"""Tables of a run: its equalities, layers, search, training, time, settings; and of the machine."""

from collections.abc import Iterator, Mapping
from typing import Any

from compress.report import figures
from compress.report.model import Report
from compress.report.tables import Table

Epoch = dict[str, float]


def check_table(report: Report) -> Table:
    """The equalities every run has to show; files from elsewhere have no module to be equal to."""
    return Table(
        title="Checks (largest difference of any logit, on real images)",
        columns=("check", "images", "difference", "allowed", "same class"),
        rows=tuple(_checks(report)),
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
    rows = tuple(tuple(_value(epoch, name) for name in names) for epoch in history)
    return Table(title="Search, epoch by epoch", columns=names, rows=rows)


def training_table(report: Report) -> Table:
    """The last epoch of every training."""
    training = {stage: epochs for stage, epochs in (report.run.training if report.run else {}).items() if epochs}
    names = tuple(dict.fromkeys(name for epochs in training.values() for name in epochs[-1] if name != "epoch"))
    return Table(
        title="Training, last epoch of each stage",
        columns=("stage", "epochs", *names),
        rows=tuple(
            (stage, str(len(epochs)), *(_value(epochs[-1], name) for name in names))
            for stage, epochs in training.items()
        ),
    )


def time_table(report: Report) -> Table:
    """What each stage took."""
    seconds = report.run.seconds if report.run else {}
    rows = [(name, figures.duration(taken)) for name, taken in seconds.items()]
    total = [("total", figures.duration(sum(seconds.values())))] if seconds else []
    return Table(title="Time", columns=("stage", "time"), rows=(*rows, *total))


def setting_table(report: Report) -> Table:
    """The run's settings."""
    return Table("Settings", ("", ""), tuple(_flatten(report.run.config if report.run else {})))


def machine_table(report: Report) -> Table:
    """Machine, versions, and onnxruntime's options."""
    session = {f"onnxruntime.{name}": value for name, value in report.session.items()}
    return Table("Machine and versions", ("", ""), (*_flatten(report.environment), *_flatten(session)))


def _checks(report: Report) -> Iterator[tuple[str, ...]]:
    if report.run is not None:
        removal = report.run.removal
        yield (
            "masked = smaller network",
            f"{removal.images:,}",
            figures.small(removal.max_abs_difference),
            figures.small(removal.tolerance),
            "-",
        )
    for row in report.networks:
        if row.parity is not None:
            yield (
                f"torch = onnxruntime, {row.label}",
                f"{row.parity.images:,}",
                figures.small(row.parity.max_abs_difference),
                figures.small(row.parity.tolerance),
                f"{row.parity.argmax_agreeing:,} / {row.parity.images:,}",
            )


def _value(epoch: Epoch, name: str) -> str:
    return f"{epoch[name]:.5g}" if name in epoch else "-"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)
