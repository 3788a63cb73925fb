"""``compress verify`` of any two ONNX classifiers, and of a run, from its folder alone; also a run's last stage."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from compress.data.bundle import DataBundle
from compress.data.load import load_data
from compress.environment import check_threads, describe_environment, usable_cores, use_threads
from compress.errors import CheckFailedError
from compress.exporter_faults import export_faults
from compress.networks.own_code import OwnCode
from compress.observer import Observer
from compress.report.devices.read import with_kept_devices
from compress.report.documents import keep_report, new_folder, render_documents, write_documents
from compress.report.model import BudgetFacts, Report, RunFacts, recorded_report
from compress.runs import MODEL_FACTS, STAGES, RunFolder
from compress.runs.file_records import NOTES, FileRecord, recorded_files
from compress.runs.json_files import ModelFacts, Removal
from compress.runs.network_files import REBUILT, prove_parity, rebuild
from compress.runs.outputs import check_outside_images
from compress.runs.recorded_inputs import reopen
from compress.runs.stage_context import StageContext, check_images
from compress.settings.config import DataConfig, DecidedConfig
from compress.settings.preprocessing import PreprocessingSettings
from compress.settings.verify import UserOverrides, VerifySettings
from compress.stopping import interruptible
from compress.structure.remove import LayerChange
from compress.verdict.measure import Progress, count_steps, measure
from compress.verdict.open_files import FileSpec, Loader, OpenedFile, by_role, open_file, try_recorded
from compress.verdict.pair import open_pair, pair_name
from compress.verdict.recheck_cut import recheck_cut
from compress.verdict.training_facts import search_facts, trainings
from exporters.read.cost import count_cost
from exporters.read.session import CPU_PROVIDER


def verify_stage(context: StageContext, settings: VerifySettings | None = None) -> Report:
    """The run's last stage: measure its files and write the reports; by default at one thread and at the run's own."""
    name, run, config = STAGES[-1], context.run, context.config
    if not run.is_finished(name):
        settings = settings or _usual_settings(config)
        with interruptible(context.should_stop):
            files = _open_recorded(context)
        with context.stage(name, steps=count_steps(files, settings)), interruptible(context.should_stop):
            keep_report(run, _measure_run(context, files, settings))
    return recorded_report(run)


def _usual_settings(config: DecidedConfig) -> VerifySettings:
    """One thread and the run's own, with the batch and the threads of a latency budget."""
    batch_size, threads = config.target_setting
    usual = VerifySettings().batch_sizes
    return VerifySettings(
        seed=config.seed,
        batch_sizes=tuple(sorted({*usual, batch_size})),
        threads=tuple(sorted({1, config.threads, threads})),
    )


def verify_run(
    path: Path,
    settings: VerifySettings,
    *,
    moved: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    out: Path | None = None,
    code: OwnCode | None = None,
) -> Report:
    """Check every file of a run against its checksum, measure its ONNX files again, and write its reports anew.

    With a new folder ``out`` the reports go there, and the run is only read. It is only read too where another provider
    than the CPU is measured: its own reports, which lists and races read, are the CPU's. ``moved`` and ``code`` are as
    in ``reopen``, and so are the errors; BadInputError also if nothing is exported yet or a file was changed,
    CheckFailedError if an equality of the run no longer holds, UsageError if this onnxruntime lacks the provider.
    """
    check_threads(max(settings.threads))
    on_cpu = settings.find_provider() == CPU_PROVIDER
    run, observer = RunFolder.open(path), observer or Observer()
    if out is not None:
        check_outside_images(out, run.read_config().model_copy(update=dict(moved or {})))
    with new_folder(out) if out else run if on_cpu else nullcontext() as place:
        run.check_all()
        config, data = reopen(run, moved or {}, code=code)
        use_threads(config.threads)
        context = StageContext(config, data, run, observer, lambda: None)
        with export_faults():
            observer.stage("verify", index=1, count=1, steps=0)
            files = _open_recorded(context)
            observer.stage("verify", index=1, count=1, steps=count_steps(files, settings))
            report = _measure_run(context, files, settings)
        if isinstance(place, Path):
            write_documents(place, render_documents(report, run.read_json(MODEL_FACTS, ModelFacts)))
        elif on_cpu:
            keep_report(run, report)
    return report


def verify_files(
    original: Path,
    candidate: Path,
    load: Loader,
    settings: VerifySettings,
    *,
    overrides: UserOverrides | None = None,
    observer: Observer | None = None,
) -> Report:
    """Compare two ONNX classifiers on a data set's test images; the gates judge the candidate.

    Errors are as in ``open_file``, and so are ``overrides``; UsageError if this onnxruntime lacks the provider.
    """
    check_threads(max(settings.threads))
    settings.find_provider()
    observer = observer or Observer()
    observer.stage("verify", index=1, count=1, steps=0)
    with export_faults():
        files = open_pair(original, candidate, load, overrides=overrides)
        specs = [file.spec for file in files]
        observer.stage("verify", index=1, count=1, steps=count_steps(files, settings))
        return measure(
            files,
            specs[0].data,
            settings,
            Progress(observer),
            name=pair_name(files),
            environment=describe_environment(threads=usable_cores(), seed=settings.seed),
            notes=[note for notes in (*(spec.notes for spec in specs), *map(uncounted_note, specs)) for note in notes],
        )


def load_test_images(config: DataConfig) -> Loader:
    """A data set's test images for ``verify_files``, which says how each file's are prepared."""
    usual = config.model_copy(update=dict.fromkeys(PreprocessingSettings.model_fields))
    return lambda how: load_data(usual.model_copy(update=dict(how)), test_only=True)


def _open_recorded(context: StageContext) -> list[OpenedFile]:
    """The recorded files, checked and opened."""
    run, config, data = context.run, context.config, context.data
    records = recorded_files(run)
    for record in records:
        try_recorded(run, record.file, data)
    return [
        OpenedFile(_recheck_file(run, record, config, data), open_file(run.path / record.file, data))
        for record in records
    ]


def _measure_run(context: StageContext, files: Sequence[OpenedFile], settings: VerifySettings) -> Report:
    """Check the run's equalities again, measure every file, and add how the files came about."""
    began = time.monotonic()
    run, config, data = context.run, context.config, context.data
    cut = recheck_cut(context)
    original, pruned = (by_role(files, role).record for role in ("original", "candidate"))
    report = measure(
        files,
        data,
        settings,
        Progress(context.observer, context.should_stop),
        name=run.path.resolve().name,
        environment=describe_environment(threads=config.threads, seed=config.seed),
        notes=(*run.read_json(NOTES, list[str]), *_notes(files)),
    )
    seconds = {stage: run.seconds(stage) for stage in STAGES[:-1] if run.is_finished(stage)}
    facts = RunFacts(
        config=run.read_config().model_dump(mode="json"),
        budget=BudgetFacts(
            asked_macs=config.keep_macs,
            asked_parameters=config.keep_params,
            achieved_macs=pruned.macs / original.macs,
            achieved_parameters=pruned.parameters / original.parameters,
            align=config.align,
            note=cut.note,
            latency=cut.latency,
        ),
        layers=tuple(LayerChange(**layer) for layer in run.read_json("04_remove/removal.json", Removal)["layers"]),
        search=search_facts(context),
        removal=cut.removal,
        training=trainings(context),
        seconds=seconds | {STAGES[-1]: time.monotonic() - began},
    )
    return with_kept_devices(report.model_copy(update={"run": facts}), run)


def _notes(files: Sequence[OpenedFile]) -> tuple[str, ...]:
    """What was assumed about the files, and which equalities were not checked again."""
    assumed = [note for file in files for note in file.spec.notes]
    older = [
        f"{file.record.label}: equal to its module when it was exported; that was not proved again"
        for file in files
        if file.record.parity is not None and file.record.role not in REBUILT
    ]
    return tuple(dict.fromkeys((*assumed, *older)))


def _recheck_file(run: RunFolder, file: FileRecord, config: DecidedConfig, data: DataBundle) -> FileRecord:
    """A recorded file, its parity with the rebuilt module proved again and its MACs counted in its own graph.

    CheckFailedError if it gives other answers than the module, or has other MACs than recorded.
    """
    path = run.path / file.file
    macs = count_cost(path).macs
    if macs != file.macs:
        raise CheckFailedError(f"{file.file}: expected {file.macs:,} MACs as on record, its graph has {macs:,}")
    if file.parity is None or file.role not in REBUILT:
        return file
    network, images = rebuild(run, file.role, config), check_images(config, data).cpu()
    parity = prove_parity(network, path, images, threads=config.threads)
    return file.model_copy(update={"parity": parity})


def uncounted_note(spec: FileSpec) -> tuple[str, ...]:
    """A note where the MACs of a file leave operators out."""
    names = ", ".join(spec.cost.uncounted)
    return (f"{spec.path.name}: its MACs do not include {names}",) if names else ()
