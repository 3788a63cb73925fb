"""More files of a finished run: INT8, FP16, raw pixels, another operator set, onnxruntime's mobile format."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress.channels.costs import Cost
from compress.data.bundle import DataBundle
from compress.export.variants import Base, derive
from compress.exporter_faults import export_faults
from compress.networks.own_code import OwnCode
from compress.observer import Observer
from compress.runs import MODEL_FACTS, RunFolder
from compress.runs.file_records import ARTIFACTS, FileRecord, exported_files, with_variants
from compress.runs.int8_files import Int8Maker, representative
from compress.runs.json_files import ModelFacts, json_bytes
from compress.runs.network_files import REBUILT, channel_order_of, export_network, rebuild
from compress.runs.recorded_inputs import reopen
from compress.runs.stage_context import int8_processor
from compress.settings.config import DecidedConfig
from compress.settings.export import ExportSettings
from compress.verdict.chance import TEST_IMAGES, int8_notes
from compress.verdict.open_files import try_recorded
from exporters.write.scratch import scratch_folder

Opened = tuple[DecidedConfig, DataBundle]


def add_variants(
    path: Path,
    wanted: ExportSettings,
    *,
    moved: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    code: OwnCode | None = None,
) -> list[FileRecord]:
    """Make more files of a run's original and pruned network, and record them; return them, the original's first.

    A file that is there already is made anew. The report does not contain them until the run is verified
    again. ``moved``, ``code`` and the errors are as in ``reopen``; BadInputError also if the run is not finished or a
    file was changed, CheckFailedError if a file cannot be made, or does not answer as it must.
    """
    run, observer = RunFolder.open(path), observer or Observer()
    sources = [file for file in exported_files(run) if file.role in REBUILT]
    wanted = _with_dependants(run, wanted)
    opened = reopen(run, moved or {}, code=code) if wanted.int8 or wanted.opset else None
    observer.stage("export", index=1, count=1, steps=len(sources))
    with run, export_faults(), scratch_folder() as temporary:
        made: list[FileRecord] = []
        for done, source in enumerate(sources, start=1):
            if opened is not None:
                try_recorded(run, source.file, opened[1])
            int8 = None if opened is None else Int8Maker(wanted, opened[1], opened[0].seed, _progress(observer, done))
            fresh = _variants(run, source, wanted, opened, int8, temporary)
            _keep(run, fresh)
            made += [one.in_folder(run.path / ARTIFACTS) for one in fresh]
            observer.step(done, images=0, values={"network": source.label})
        if opened is not None and wanted.int8:
            config, data = opened
            for note in int8_notes(made, representative(data.test, images=TEST_IMAGES, seed=config.seed)):
                observer.note(note)
    return made


def _progress(observer: Observer, step: int) -> Callable[[str], None]:
    return lambda what: observer.step(step - 1, images=0, values={"now": what})


def _keep(run: RunFolder, made: list[FileRecord]) -> None:
    """Take files into the run, with their records and names: all of that, or after a kill nothing."""
    paths = [Path(path) for one in made for path in (one.file, one.operators) if path]
    records = tuple(one.in_folder(ARTIFACTS) for one in made)
    facts = run.read_json(MODEL_FACTS, ModelFacts)
    facts |= {"files": facts["files"] | {one.label: one.name for one in made}}
    files = {f"{ARTIFACTS}/{path.name}": path.read_bytes() for path in paths}
    run.change(files | with_variants(run, records) | {MODEL_FACTS: json_bytes(facts)})


def _with_dependants(run: RunFolder, wanted: ExportSettings) -> ExportSettings:
    """Also what an earlier export made of the INT8 files that are about to be replaced, for the same device."""
    if not wanted.int8:
        return wanted
    names = run.read_json(MODEL_FACTS, ModelFacts)["files"].values()
    raw, mobile = (any(name.endswith(end) for name in names) for end in (".int8.nhwc.onnx", ".int8.ort"))
    return wanted.model_copy(
        update={
            "embed_preprocessing": wanted.embed_preprocessing or raw,
            "ort": wanted.ort or mobile,
            "int8_for": wanted.int8_for or int8_processor(run),
        }
    )


def _variants(
    run: RunFolder,
    source: FileRecord,
    wanted: ExportSettings,
    opened: Opened | None,
    int8: Int8Maker | None,
    temporary: Path,
) -> list[FileRecord]:
    """The files of one network, made in a temporary folder."""
    facts = run.read_json(MODEL_FACTS, ModelFacts)
    base = Base(
        source.in_folder(run.path / ARTIFACTS),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        bgr=channel_order_of(facts) == "bgr",
    )
    again: list[FileRecord] = []
    if opened is not None and wanted.opset is not None:
        again = [_other_opset(run, source, wanted.opset, opened, temporary)]
        base = replace(base, record=again[0])
    return [*again, *derive(base, wanted, int8, temporary)]


def _other_opset(run: RunFolder, source: FileRecord, opset: int, opened: Opened, temporary: Path) -> FileRecord:
    config, data = opened
    return export_network(
        rebuild(run, source.role, config),
        temporary / f"{Path(source.file).stem}.opset{opset}.onnx",
        config,
        data,
        opset=opset,
        cost=Cost(source.macs, source.parameters),
        label=f"{source.label} opset{opset}",
        role="extra",
        source=source.label,
        epochs=source.epochs,
    )
