"""Tables and sentences of how a run made its files, and lists of facts by name: files, data, machine, settings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from compress.report import figures
from compress.report.latency_target import asked_latency
from compress.report.model import BudgetFacts, NetworkRow, RemovalFacts, Report, RunFacts
from compress.report.sections import Bars, Table, table_of
from compress.settings.methods import METHODS
from compress.settings.search import SearchSettings
from exporters.read.logits import ParityReport

_NAMES: Final = {
    "loss": "training loss",
    "accuracy": "training Top-1",
    "val_loss": "validation loss",
    "val_accuracy": "validation Top-1",
    "kept_units": "units kept",
    "energy_best": "energy, best state",
    "energy_mean": "energy, mean",
    "energy_spread": "energy, spread",
    "learning_rate": "learning rate",
    "similarity": "similarity to the last sub-network",
}
"""A column's name for what a history records; a name that is not here is shown as it is."""

_STAGES: Final = {
    "01_baseline": "baseline training",
    "02_original": "original, trained on",
    "03_search": "search",
    "03_push": "push",
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
    for row in report.networks:
        if row.parity is not None:
            same_class = f"{row.parity.argmax_agreeing:,} / {row.parity.images:,}"
            checks.append((f"torch = onnxruntime, {row.label}", row.parity, same_class))
    rows = tuple(
        (name, f"{check.images:,}", *map(figures.small, (check.max_abs_difference, check.tolerance)), same_class)
        for name, check, same_class in checks
    )
    columns = ("check", "images", "difference", "allowed", "same class")
    return Table("Checks", columns, rows, note="largest difference of any logit, on real images")


def channel_table(run: RunFacts) -> Table:
    """Channels of every layer before and after."""
    return table_of(
        "Layers",
        run.layers,
        [
            ("layer", lambda row: row.name),
            ("kind", lambda row: row.kind),
            ("in", lambda row: f"{row.in_before} -> {row.in_after}"),
            ("out", lambda row: f"{row.out_before} -> {row.out_after}"),
            ("kept", lambda row: f"{100 * row.out_after / row.out_before:.0f} %"),
        ],
        note="channels before -> after; kept: of the channels out",
        words=frozenset({"kind"}),
        marks=tuple(Bars((row.out_before, row.out_after)) for row in run.layers),
    )


def asked_words(budget: BudgetFacts) -> str:
    """What was asked for: "50.0 % of the MACs and 40.0 % of the parameters"; empty if nothing was."""
    shares = {"MACs": budget.asked_macs, "parameters": budget.asked_parameters}
    latency = [] if budget.latency is None else [asked_latency(budget.latency)]
    asked = [f"{figures.percent(share)} of the {name}" for name, share in shares.items() if share is not None]
    return " and ".join([*latency, *asked])


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
        trained = run.training.get("03_search", ())
        after = f" after epoch {trained[-1]['epoch']:.0f}, with the training before it" if trained else ""
        return f"Search: {run.method}, {METHODS[run.method].summary}. Chosen at once{after}, in {took}."
    frozen = search.preset == "default" and run.method != "one-cycle" and _has_frozen(run)
    ended = "states frozen before the end, as planned" if frozen else "not converged"
    if search.converged_at is not None:
        ended = f"converged in epoch {search.converged_at}"
    push = run.training.get("03_push", ())
    epochs = f"{'epoch' if len(push) == 1 else 'epochs'} {_epochs(push)}" if push else ""
    back = f" The searched weights are discarded; the dropped channels were pushed out in {epochs}." if push else ""
    return (
        f"Search: {run.method}, preset {search.preset}, {_states_compared(run)}"
        f"{figures.plural(search.iterations, 'iteration')}, {ended}, {took}{', push included' if push else ''}.{back}"
    )


def _has_frozen(run: RunFacts) -> bool:
    """Whether the last step came after the share of the search from which the state stays."""
    settings = run.config.get("search")
    share = settings.get("frozen") if isinstance(settings, dict) else None
    share = share if isinstance(share, float | int) else SearchSettings().frozen
    return run.search.iterations - 1 >= share * run.search.iterations


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


def history_table(run: RunFacts) -> Table:
    """The search, epoch by epoch; columns are whatever the search recorded."""
    names, rows = _recorded(run.search.history)
    return Table("Search, epoch by epoch", names, rows, note="accuracies and units kept: 1 is all")


def training_table(run: RunFacts) -> Table:
    """The last epoch of every training."""
    training = {stage_name(stage): epochs for stage, epochs in run.training.items() if epochs}
    last = [{name: value for name, value in epochs[-1].items() if name != "epoch"} for epochs in training.values()]
    names, ends = _recorded(last)
    rows = tuple((stage, _epochs(training[stage]), *end) for stage, end in zip(training, ends, strict=True))
    return Table("Training, last epoch of each stage", ("stage", "epochs", *names), rows, note="accuracies: 1 is all")


def _epochs(rows: Sequence[Mapping[str, float]]) -> str:
    """The first and the last epoch: "6 to 22"."""
    first, last = (f"{row['epoch']:.0f}" for row in (rows[0], rows[-1]))
    return first if len(rows) == 1 else f"{first} to {last}"


def time_table(report: Report) -> Table:
    """What each stage took."""
    seconds = report.run.seconds if report.run else {}
    taken = {stage_name(stage): figures.duration(time) for stage, time in seconds.items()}
    total = {"total": figures.duration(sum(seconds.values()))} if seconds else {}
    return Table("Time", ("stage", "time"), tuple((taken | total).items()))


def _recorded(epochs: Sequence[Mapping[str, float]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The names of what was recorded in any of the epochs, and a row of numbers for each epoch."""
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch))
    rows = tuple(tuple(f"{epoch[name]:.5g}" if name in epoch else "-" for name in names) for epoch in epochs)
    return tuple(_NAMES.get(name, name) for name in names), rows


def file_facts(row: NetworkRow) -> Table:
    """Everything known of one file."""
    signature, memory = row.signature, row.memory
    size = " x ".join(str(side or "free") for side in (signature.height, signature.width))
    channels = figures.plural(signature.channels, "channel")
    takes = f"{signature.dtype}, {signature.layout}, batch {signature.batch or 'free'}, {channels}, {size} px"
    facts = {
        "file": row.file,
        "sha256": row.sha256,
        "weights": row.precision,
        "input": f"{signature.input_name}: {takes}",
        "output": signature.output_name + (f", {signature.classes} classes" if signature.classes else ""),
        "preprocessing": row.preprocessing,
    }
    if memory is not None:
        peak, setting = figures.file_size(memory.peak_bytes), figures.setting(memory.batch_size, memory.threads)
        facts["peak memory"] = f"{peak} for opening the file and one call ({setting})"
    return fact_table(row.label, facts)


def data_table(report: Report) -> Table:
    """The images, and which exactly."""
    data = report.data
    facts = {
        "data set": data.name,
        "training images": f"{data.train:,}",
        "validation images": f"{data.val:,}",
        "test images": f"{data.test:,}",
        f"{len(data.classes):,} class{'es' if len(data.classes) > 1 else ''}": ", ".join(data.classes),
        "image": f"{data.image_size} x {data.image_size} px, {figures.plural(data.channels, 'channel')}",
        "resize": data.resize,
        **{f"sha256 of {what}": value for what, value in fingerprints(report).items()},
    }
    return fact_table("Data", facts)


def fingerprints(report: Report) -> dict[str, str]:
    """Which images exactly: what each sha256 is over -> the sha256."""
    return {
        "test images and labels (what compare goes by)": report.data.test_fingerprint,
        "all images, labels and splits": report.data.fingerprint,
    }


def fact_table(title: str, facts: Mapping[str, Any]) -> Table:
    """A table of names and values; names of nested values are dotted."""
    return Table(title, ("", ""), tuple(_flatten(facts)), words=frozenset({""}))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)


def machine_words(environment: Mapping[str, Any], session: Mapping[str, str]) -> str:
    """The machine of a report in a line: processor, cores, instruction sets, onnxruntime and its options."""
    known = {name: value for name, value in environment.items() if isinstance(value, dict)}
    cpu, packages = known.get("cpu", {}), known.get("packages", {})
    isa, cores = cpu.get("isa"), cpu.get("cores")
    words = [str(cpu.get("model") or "the processor of the measurement")]
    words += [figures.plural(cores, "core")] if isinstance(cores, int) else []
    words += [" ".join(map(str, isa))] if isinstance(isa, list) and isa else []
    options = ", ".join(f"{name} {value}" for name, value in session.items())
    runtime = f"onnxruntime {packages.get('onnxruntime', 'of a version not stated')}"
    return "; ".join((", ".join(words), f"{runtime} ({options})" if options else runtime))
