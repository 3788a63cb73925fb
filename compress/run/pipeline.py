"""The run: its stages in order. Each keeps its value in the run folder, so a killed run goes on where it stopped."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from compress.channels.budget import Prunable
from compress.data.bundle import DataBundle
from compress.environment import describe_environment
from compress.errors import DivergedError, InterruptedRun
from compress.exporter_faults import export_faults
from compress.observer import Observer, Silent
from compress.report.model import Report
from compress.run.baseline import baseline, load_given, train_original, trained_here
from compress.run.export import TrainedNetworks, export
from compress.run.finetune import finetune
from compress.run.rehearsal import check_fits_a_file, rehearse, rehearse_export
from compress.run.remove import remove
from compress.run.reuse_original import take_original
from compress.run.search import check_method, search
from compress.runs import RunFolder
from compress.runs.code_record import record_code
from compress.runs.decide import decide, load_decided, naming_other_code, thread_notes
from compress.runs.failure import FAILED
from compress.runs.stage_context import StageContext, check_images, check_same_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig, RunConfig
from compress.settings.verify import VerifySettings
from compress.verdict.verify_run import verify_stage
from exporters.write.onnx_export import OPSETS
from models_zoo.zoo import ALIASES, ARCHITECTURES

Mode = Literal["new", "resume", "overwrite"]


@dataclass(frozen=True)
class RunOptions:
    """How a run gets to its report; its settings, and so its networks, are the same with any of these.

    Attributes:
        verify: what the verdict measures; ``None``: what the settings say.
        original_of: a run folder with the same original, which is then taken from there where it is finished.
    """

    verify: VerifySettings | None = None
    original_of: Path | None = None


def run_pipeline(
    config: RunConfig,
    *,
    out: Path,
    mode: Mode = "new",
    observer: Observer | None = None,
    should_stop: Callable[[], int | None] = lambda: None,
    options: RunOptions | None = None,
) -> Report:
    """Run every stage that is not finished yet and return the report.

    Args:
        config: the settings; with ``mode`` "resume" the run folder's own are used.
        out: the run folder.
        mode: what to do with an existing folder.
        observer: receives progress.
        should_stop: returns a signal's number once the run should save and stop.
        options: how it gets to its report.

    Raises:
        CompressError: see its subclasses; ``InterruptedRun`` says how to go on.
    """
    observer, options = observer or Silent(), options or RunOptions()
    recorded = RunFolder.open(out).read_config().with_code(config.code) if mode == "resume" else config
    if mode != "resume":
        RunFolder.check_free(out, overwrite=mode == "overwrite")
    settings, data = prepare(recorded)
    _tell(observer, data.notes)
    with naming_other_code(settings):
        prunable = rehearsal(settings, data, weights=mode != "resume").prunable
    run = RunFolder.open(out) if mode == "resume" else RunFolder.create(out, settings, overwrite=mode == "overwrite")
    with run:
        changed = _record(run, settings, data)
        _tell(observer, changed)
        if options.original_of is not None:
            take_original(run, options.original_of)
        noted = replace(data, notes=(*data.notes, *changed))
        context = StageContext(settings, noted, run, observer, should_stop)
        try:
            with export_faults():
                return _stages(context, prunable, options.verify)
        except DivergedError as error:  # it would again: all that is random comes from the seed
            run.event(FAILED, reason=str(error))
            raise
        except InterruptedRun as stop:
            raise InterruptedRun(
                f"stopped; everything so far is saved. Go on with: {_resume_command(out, settings)}",
                signal_number=stop.exit_code - 128,
            ) from None


def _tell(observer: Observer, notes: Iterable[str]) -> None:
    for note in notes:
        observer.note(note)


def prepare(config: RunConfig) -> tuple[DecidedConfig, DataBundle]:
    """Decide what is open, load the data, and have torch use the run's threads.

    Raises:
        CompressError: unfit settings or images.
    """
    settings, data = load_decided(decide(config))
    torch.set_num_threads(settings.threads)
    return settings, replace(data, notes=(*data.notes, *thread_notes(settings)))


def _resume_command(out: Path, settings: DecidedConfig) -> str:
    code = ["--model", settings.model] if settings.model else []  # only what a command names is run
    return shlex.join(["compress", "run", "--resume", str(out), *code])


@dataclass(frozen=True)
class Rehearsal:
    """What was found out before a run.

    Attributes:
        network: with the weights the run begins with.
        prunable: what there is to prune.
        difference: the largest one of logits between masked and smaller network, of a random state.
    """

    network: nn.Module
    prunable: Prunable
    difference: float


def rehearsal(settings: DecidedConfig, data: DataBundle, *, weights: bool) -> Rehearsal:
    """Do what can fail before there is a run folder, so that a fault leaves none behind.

    Args:
        settings: decided settings.
        data: the run's data.
        weights: try the user's weights and plan too; a resumed run has read them already.

    Raises:
        CompressError: what makes the run impossible.
    """
    network, images = fresh_network(settings, data), check_images(settings, data)
    check_fits_a_file(settings, network)
    if weights:
        load_given(settings, data, network)
    prunable = find_prunable(settings, network, images)
    if weights:
        check_method(settings, data, network, prunable)
    difference = rehearse(prunable, network, images, seed=settings.seed)
    if weights and not _is_known_to_export(settings):
        rehearse_export(settings, network, images, macs=prunable.model.full.macs)
    return Rehearsal(network, prunable, difference)


def _is_known_to_export(settings: DecidedConfig) -> bool:
    """Whether docs/support.md has the network's file, in the operator set that needs no conversion."""
    return settings.arch in ARCHITECTURES.keys() | ALIASES.keys() and settings.opset == OPSETS[0]


def _stages(context: StageContext, prunable: Prunable, verify: VerifySettings | None) -> Report:
    before = baseline(context)
    trained_on = train_original(context, before) if context.config.train_original or trained_here(context) else None
    teacher = trained_on if trained_on is not None and trained_here(context) else before
    found = search(context, before, prunable)
    smaller = finetune(context, remove(context, found, prunable), teacher, epochs_behind=found.epochs_behind)
    export(context, TrainedNetworks(before, trained_on, found, smaller), prunable)
    return verify_stage(context, verify)


def _record(run: RunFolder, settings: DecidedConfig, data: DataBundle) -> tuple[str, ...]:
    """Keep the environment, the data's fingerprint and the code's; a resumed run must find the same data.

    Returns:
        A note where an own network's code is another now.
    """
    if not run.has("data.json"):
        run.write_json("data.json", {"fingerprint": data.fingerprint})
    check_same_images(run, data, settings.dataset)
    run.write_json("env.json", describe_environment(threads=settings.threads, seed=settings.seed))
    return record_code(run, settings.code)
