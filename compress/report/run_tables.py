"""Tables and sentences of how a run made its files: checks, channels, search, training, time."""

from collections.abc import Iterator
from typing import Final

from compress.report import figures
from compress.report.model import Report
from compress.report.run_facts import BudgetFacts, RunFacts
from compress.report.sections import Bars, Table
from compress.settings.methods import METHODS

Epoch = dict[str, float]

_NAMES: Final = {
    "loss": "training loss",
    "accuracy": "training Top-1",
    "val_loss": "validation loss",
    "val_accuracy": "validation Top-1",
    "kept_units": "units kept",
    "energy_best": "energy, best state",
    "energy_mean": "energy, mean",
}
"""What a history records -> how a reader says it; a name that is not here is shown as it is."""

_STAGES: Final = {
    "01_baseline": "baseline training",
    "02_original": "control: the original trained on",
    "03_search": "search",
    "04_remove": "removal",
    "05_finetune": "fine-tuning",
    "06_export": "export",
    "07_verify": "verdict",
}


def check_table(report: Report) -> Table:
    """The equalities every run has to show; files from elsewhere have no module to be equal to."""
    return Table(
        title="Checks",
        columns=("check", "images", "difference", "allowed", "same class"),
        note="largest difference of any logit, on real images",
        rows=tuple(_checks(report)),
    )


def channel_table(report: Report) -> Table:
    """Channels of every layer before and after."""
    layers = report.run.layers if report.run else ()
    return Table(
        title="Layers",
        columns=("layer", "kind", "in", "out", "kept"),
        rows=tuple(
            (
                row.name,
                row.kind,
                f"{row.in_before} -> {row.in_after}",
                f"{row.out_before} -> {row.out_after}",
                f"{100 * row.out_after / row.out_before:.0f} %",
            )
            for row in layers
        ),
        note="channels before -> after; kept: of the channels out",
        words=frozenset({"kind"}),
        marks=tuple(Bars((row.out_before, row.out_after)) for row in layers),
    )


def budget_words(budget: BudgetFacts) -> str:
    """What was asked for and what was reached."""
    asked = [
        f"{figures.percent(share)} of the {name}"
        for name, share in (("MACs", budget.asked_macs), ("parameters", budget.asked_parameters))
        if share is not None
    ]
    wish = f"Asked: {' and '.join(asked)}. " if asked else ""
    return (
        f"{wish}Reached: {figures.percent(budget.achieved_macs)} of the MACs, "
        f"{figures.percent(budget.achieved_parameters)} of the parameters, "
        f"channels in multiples of {budget.align}.{f' {budget.note}' if budget.note else ''}"
    )


def stage_name(stage: str) -> str:
    """A stage as a reader says it; one that is not known without its number."""
    return _STAGES.get(stage, stage.partition("_")[2] or stage)


def search_words(run: RunFacts) -> str:
    """The search in a sentence; the default preset stops evolving as planned, the paper's may converge."""
    search, took = run.search, figures.duration(run.search.seconds)
    if not search.history:
        return f"Search: {run.method}, {METHODS[run.method].summary}. Chosen at once, in {took}."
    if search.converged_at is not None:
        ended = f"converged in epoch {search.converged_at}"
    elif search.preset == "default":
        ended = "states frozen after 80 % of the search, as planned"
    else:
        ended = "not converged"
    return (
        f"Search: {run.method}, preset {search.preset}, {_compared(run)}"
        f"{figures.plural(search.iterations, 'iteration')}, {ended}, {took}."
    )


def choice_words(run: RunFacts) -> str:
    """How the channels were chosen, in half a sentence."""
    search = run.search
    if not search.history:
        return f"channels chosen at once by method {run.method}"
    return (
        f"searched by method {run.method} (preset {search.preset}, {_compared(run)}"
        f"{figures.plural(len(search.history), 'epoch')}, {figures.plural(search.iterations, 'iteration')})"
    )


def _compared(run: RunFacts) -> str:
    """The states compared in every mini-batch, with a comma behind; nothing where there is but one."""
    if run.method == "edropout":
        return f"{figures.plural(run.search.population, 'state')}, "
    return f"one state and {2 * run.search.population - 1} moves from it, " if run.method == "anneal" else ""


def history_table(report: Report) -> Table:
    """The search, epoch by epoch; columns are whatever the search recorded."""
    history = report.run.search.history if report.run else ()
    names = tuple(dict.fromkeys(name for epoch in history for name in epoch))
    rows = tuple(tuple(_value(epoch, name) for name in names) for epoch in history)
    columns = tuple(_NAMES.get(name, name) for name in names)
    return Table("Search, epoch by epoch", columns, rows, note="accuracies and units kept: 1 is all")


def training_table(report: Report) -> Table:
    """The last epoch of every training."""
    training = {stage: epochs for stage, epochs in (report.run.training if report.run else {}).items() if epochs}
    names = tuple(dict.fromkeys(name for epochs in training.values() for name in epochs[-1] if name != "epoch"))
    return Table(
        title="Training, last epoch of each stage",
        note="accuracies: 1 is all",
        columns=("stage", "epochs", *(_NAMES.get(name, name) for name in names)),
        rows=tuple(
            (stage_name(stage), str(len(epochs)), *(_value(epochs[-1], name) for name in names))
            for stage, epochs in training.items()
        ),
    )


def time_table(report: Report) -> Table:
    """What each stage took."""
    seconds = report.run.seconds if report.run else {}
    rows = [(stage_name(name), figures.duration(taken)) for name, taken in seconds.items()]
    total = [("total", figures.duration(sum(seconds.values())))] if seconds else []
    return Table(title="Time", columns=("stage", "time"), rows=(*rows, *total))


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
