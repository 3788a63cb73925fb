"""The run: its stages in order. Each keeps its value in the run folder, so a killed run goes on where it stopped."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from compress.channels.budget import Prunable
from compress.data.bundle import DataBundle
from compress.environment import use_threads
from compress.errors import DivergedError, InterruptedRun
from compress.exporter_faults import export_faults
from compress.observer import Observer
from compress.report.model import Report
from compress.run.export import TrainedNetworks, export
from compress.run.rehearsal import rehearse
from compress.run.search import check_method, remove, search
from compress.run.target import find_target
from compress.run.training_stages import baseline, finetune, train_original
from compress.runs import RunFolder
from compress.runs.decide import check_amp, decide, load_decided, naming_other_code, thread_notes
from compress.runs.folder import FAILED
from compress.runs.network_files import trained_here
from compress.runs.outputs import check_run_place
from compress.runs.recorded_inputs import record_inputs, reuse_original
from compress.runs.stage_context import TARGET, StageContext, check_images, recorded_target
from compress.settings.config import DecidedConfig, RunConfig
from compress.settings.verify import VerifySettings
from compress.target.limit import limit_latency
from compress.target.table import read_device_table
from compress.target.target import Target
from compress.verdict.verify import verify_stage

Mode = Literal["new", "resume", "overwrite"]


@dataclass(frozen=True)
class Shared:
    """What a run takes from others.

    Attributes:
        original_of: the run folder whose finished stages of the original are copied.
        target: the latency model of another run of the same network.
    """

    original_of: Path | None = None
    target: Target | None = None


NOTHING_SHARED: Final = Shared()


def run_pipeline(
    config: RunConfig,
    *,
    out: Path,
    mode: Mode = "new",
    observer: Observer | None = None,
    should_stop: Callable[[], int | None] = lambda: None,
    verify: VerifySettings | None = None,
    shared: Shared = NOTHING_SHARED,
) -> Report:
    """Run every stage that is not finished yet in the folder ``out`` and return the report.

    With ``mode`` "resume" the folder's own settings are used, but for ``download``. ``verify`` is what the last stage
    measures, by default what the settings say. Once ``should_stop`` returns a signal's number the run is saved and
    stopped; ``InterruptedRun`` says how to go on. UsageError before anything is deleted if an input lies in a folder
    that is replaced.
    """
    observer = observer or Observer()
    resumed = mode == "resume"
    settings, data = prepare(_start(config, out, mode))
    for note in data.notes:
        observer.note(note)
    target = recorded_target(RunFolder.open(out)) if resumed else None
    with naming_other_code(settings):
        rehearsed = rehearse(settings, data, resumed=resumed)
    settings, prunable = rehearsed.config, rehearsed.prunable
    if settings.has_target:
        images = check_images(settings, data)
        target = target or shared.target
        target = target or find_target(settings, rehearsed.network, prunable, images, observer, should_stop)
        prunable = limit_latency(prunable, settings, target)
        if settings.plan is not None and not resumed:
            check_method(settings, data, rehearsed.network, prunable)
    for note in rehearsed.file_notes:
        observer.note(note)
    run = RunFolder.open(out) if resumed else RunFolder.create(out, settings, overwrite=mode == "overwrite")
    with run:
        if target is not None and not run.has(TARGET):
            run.write_json(TARGET, target.as_dict())
        changed = record_inputs(run, settings, data)
        for note in changed:
            observer.note(note)
        if shared.original_of is not None:
            reuse_original(run, shared.original_of)
        noted = replace(data, notes=(*data.notes, *changed))
        context = StageContext(settings, noted, run, observer, should_stop)
        with _ends_recorded(run, settings, out), export_faults():
            return _stages(context, prunable, verify)


@contextmanager
def _ends_recorded(run: RunFolder, settings: DecidedConfig, out: Path) -> Iterator[None]:
    """Record that a run diverged; say how to go on with one that was stopped."""
    try:
        yield
    except DivergedError as error:  # it would again: all that is random comes from the seed
        run.event(FAILED, reason=str(error))
        raise
    except InterruptedRun as stop:
        code = ["--model", settings.model] if settings.model else []  # only what a command names is run
        again = shlex.join(["compress", "run", "--resume", str(out), *code])
        message = f"stopped; everything so far is saved. Go on with: {again}"
        raise InterruptedRun(message, signal_number=stop.exit_code - 128) from None


def _start(config: RunConfig, out: Path, mode: Mode) -> RunConfig:
    """The settings that hold; the errors of folders and tables that cannot be used come before images are read."""
    if mode == "resume":
        allowed = {"download": config.download}
        return RunFolder.open(out).read_config().model_copy(update=allowed).with_code(config.code)
    check_run_place(out, config)
    RunFolder.check_free(out, overwrite=mode == "overwrite")
    if config.target is not None:
        read_device_table(config.target, int8=config.target_int8)
    return config


def prepare(config: RunConfig) -> tuple[DecidedConfig, DataBundle]:
    """Decide what is open, load the data, and have torch use the run's threads."""
    settings, data = load_decided(decide(config))
    check_amp(settings)
    use_threads(settings.threads)
    return settings, replace(data, notes=(*data.notes, *thread_notes(settings)))


def _stages(context: StageContext, prunable: Prunable, verify: VerifySettings | None) -> Report:
    before, own_original = baseline(context), not trained_here(context.run)
    trained_on = train_original(context, before) if context.config.train_original or not own_original else None
    teacher = before if trained_on is None or own_original else trained_on
    found = search(context, before, teacher, prunable)
    cut, found = remove(context, found, prunable)
    smaller = finetune(context, cut, teacher, epochs_behind=found.epochs_behind)
    export(context, TrainedNetworks(before, trained_on, found, smaller), prunable)
    return verify_stage(context, verify)
