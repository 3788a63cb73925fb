"""Tables and sentences of how a run made its files: checks, channels, search, training, time."""

from typing import Final

from compress.report import figures
from compress.report.model import BudgetFacts, RemovalFacts, Report, RunFacts
from compress.report.sections import Bars, Table, table_of
from compress.settings.methods import METHODS
from exporters.read.parity import ParityReport

_NAMES: Final = {
    "loss": "training loss",
    "accuracy": "training Top-1",
    "val_loss": "validation loss",
    "val_accuracy": "validation Top-1",
    "kept_units": "units kept",
    "energy_best": "energy, best state",
    "energy_mean": "energy, mean",
}
"""A column's name for what a history records; a name that is not here is shown as it is."""

_STAGES: Final = {
    "01_baseline": "baseline training",
    "02_original": "control: the original trained on",
    "03_search": "search",
    "04_remove": "removal",
    "05_finetune": "fine-tuning",
    "06_export": "export",
    "07_verify": "verdict",
}


def stage_name(stage: str) -> str:
    """A stage in words; an unknown one without its number."""
    return _STAGES.get(stage, stage.partition("_")[2] or stage)


def check_table(report: Report) -> Table:
    """The equalities every run has to show; files from elsewhere have no module to be equal to."""
    checks: list[tuple[str, RemovalFacts | ParityReport, str]] = []
    if report.run:
        checks.append(("masked = smaller network", report.run.removal, "-"))
    checks += [
        (f"torch = onnxruntime, {row.label}", row.parity, f"{row.parity.argmax_agreeing:,} / {row.parity.images:,}")
        for row in report.networks
        if row.parity is not None
    ]
    return Table(
        title="Checks",
        columns=("check", "images", "difference", "allowed", "same class"),
        note="largest difference of any logit, on real images",
        rows=tuple(
            (name, f"{check.images:,}", *map(figures.small, (check.max_abs_difference, check.tolerance)), agreeing)
            for name, check, agreeing in checks
        ),
    )


def channel_table(report: Report) -> Table:
    """Channels of every layer before and after."""
    layers = report.run.layers if report.run else ()
    return table_of(
        "Layers",
        layers,
        [
            ("layer", lambda row: row.name),
            ("kind", lambda row: row.kind),
            ("in", lambda row: f"{row.in_before} -> {row.in_after}"),
            ("out", lambda row: f"{row.out_before} -> {row.out_after}"),
            ("kept", lambda row: f"{100 * row.out_after / row.out_before:.0f} %"),
        ],
        note="channels before -> after; kept: of the channels out",
        words=frozenset({"kind"}),
        marks=tuple(Bars((row.out_before, row.out_after)) for row in layers),
    )


def asked_words(budget: BudgetFacts) -> str:
    """What was asked for: "50.0 % of the MACs and 40.0 % of the parameters"; empty if nothing was."""
    shares = {"MACs": budget.asked_macs, "parameters": budget.asked_parameters}
    asked = (f"{figures.percent(share)} of the {name}" for name, share in shares.items() if share is not None)
    return " and ".join(asked)


def budget_words(budget: BudgetFacts) -> str:
    """What was asked for and what was reached."""
    asked = asked_words(budget)
    return (
        f"{f'Asked: {asked}. ' if asked else ''}Reached: {figures.percent(budget.achieved_macs)} of the MACs, "
        f"{figures.percent(budget.achieved_parameters)} of the parameters, "
        f"channels in multiples of {budget.align}.{f' {budget.note}' if budget.note else ''}"
    )


def search_words(run: RunFacts) -> str:
    """The search in a sentence; the default preset stops evolving as planned, the paper's may converge."""
    search, took = run.search, figures.duration(run.search.seconds)
    if not search.history:
        return f"Search: {run.method}, {METHODS[run.method].summary}. Chosen at once, in {took}."
    ended = "states frozen after 80 % of the search, as planned" if search.preset == "default" else "not converged"
    if search.converged_at is not None:
        ended = f"converged in epoch {search.converged_at}"
    return (
        f"Search: {run.method}, preset {search.preset}, {_states_compared(run)}"
        f"{figures.plural(search.iterations, 'iteration')}, {ended}, {took}."
    )


def choice_words(run: RunFacts) -> str:
    """How the channels were chosen, in half a sentence."""
    search = run.search
    if not search.history:
        return f"channels chosen at once by method {run.method}"
    return (
        f"searched by method {run.method} (preset {search.preset}, {_states_compared(run)}"
        f"{figures.plural(len(search.history), 'epoch')}, {figures.plural(search.iterations, 'iteration')})"
    )


def _states_compared(run: RunFacts) -> str:
    """The states compared in every mini-batch, with a comma behind; empty where there is only one."""
    if run.method == "edropout":
        return f"{figures.plural(run.search.population, 'state')}, "
    return f"one state and {2 * run.search.population - 1} moves from it, " if run.method == "anneal" else ""


def history_table(report: Report) -> Table:
    """The search, epoch by epoch; columns are whatever the search recorded."""
    history = report.run.search.history if report.run else ()
    names = tuple(dict.fromkeys(name for epoch in history for name in epoch))
    rows = tuple(tuple(_number(epoch, name) for name in names) for epoch in history)
    columns = tuple(_NAMES.get(name, name) for name in names)
    return Table("Search, epoch by epoch", columns, rows, note="accuracies and units kept: 1 is all")


def training_table(report: Report) -> Table:
    """The last epoch of every training."""
    training = {stage: epochs for stage, epochs in (report.run.training if report.run else {}).items() if epochs}
    names = tuple(dict.fromkeys(name for epochs in training.values() for name in epochs[-1] if name != "epoch"))
    rows = tuple(
        (stage_name(stage), str(len(epochs)), *(_number(epochs[-1], name) for name in names))
        for stage, epochs in training.items()
    )
    columns = ("stage", "epochs", *(_NAMES.get(name, name) for name in names))
    return Table("Training, last epoch of each stage", columns, rows, note="accuracies: 1 is all")


def time_table(report: Report) -> Table:
    """What each stage took."""
    seconds = report.run.seconds if report.run else {}
    taken = {stage_name(stage): figures.duration(time) for stage, time in seconds.items()}
    total = {"total": figures.duration(sum(seconds.values()))} if seconds else {}
    return Table("Time", ("stage", "time"), tuple((taken | total).items()))


def _number(epoch: dict[str, float], name: str) -> str:
    return f"{epoch[name]:.5g}" if name in epoch else "-"
