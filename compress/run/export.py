"""Export: the trained networks as ONNX files, compared with torch on real images."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from torch import nn

from compress.channels.budget import Prunable
from compress.run.found import SearchResult
from compress.run.training_stages import baseline_notes
from compress.runs import MODEL_FACTS
from compress.runs.file_records import ARTIFACTS, NOTES, FileRecord, record_exported, recorded_files, with_variants
from compress.runs.int8_files import Int8Maker
from compress.runs.network_files import export_network, macs_note, model_facts, trained_here
from compress.runs.stage_context import StageContext, int8_processor
from compress.settings.export import ExportSettings
from compress.stopping import interruptible
from compress.structure.plan import plan_from_state
from compress.structure.remove import restore_full_network
from compress.training.evaluate import recalibrate_batchnorm
from exporters.write.scratch import scratch_folder

TRAINED_ON: Final = "original, trained on"
"""Label of given weights that were trained for as many epochs as the pruned network."""


class TrainedNetworks(NamedTuple):
    """The unpruned network after the baseline and trained on, what the search found, and the fine-tuned network."""

    before: nn.Module
    trained_on: nn.Module | None
    found: SearchResult
    pruned: nn.Module


def export(context: StageContext, networks: TrainedNetworks, prunable: Prunable) -> None:
    """Write ``original.onnx``, ``pruned.onnx`` and the like, ``model.json`` beside them, and their records.

    A latency in INT8 also makes ``pruned.int8.onnx``.
    BadInputError if a file that was exported before is missing or was changed; other errors as ``export_network``.
    """
    name, run = "06_export", context.run
    if run.is_finished(name):
        recorded_files(run)
        return
    with context.stage(name), interruptible(context.should_stop):
        files = tuple(_write_all(context, networks, prunable))
        record_exported(run, files)
        if context.config.target_int8:
            files += (_int8_of(context, next(file for file in files if file.role == "candidate")),)
        run.write_json(MODEL_FACTS, model_facts(context.data, arch=context.config.arch, files=files))
        reasons = prunable.units.not_pruned_before_head
        not_pruned = [f"{root} is not pruned: {reason}" for root, reason in reasons.items()]
        fewer = macs_note(prunable.model.full.macs, in_file=files[0].macs)
        run.write_json(NOTES, [*baseline_notes(context), *fewer, *not_pruned])


def _write_all(context: StageContext, networks: TrainedNetworks, prunable: Prunable) -> Iterator[FileRecord]:
    """Write every file; with the paper's names (F) is the full network after EDropout, (P) the pruned one."""
    before, trained_on, found, pruned = networks
    config, own_original = context.config, not trained_here(context.run)
    paper, total = config.preset == "paper", config.epochs
    write = partial(_write, context)
    full = partial(write, cost=prunable.model.full)
    small = prunable.cost(found.keep_U)
    if own_original:
        yield full(before, "original", label="original, as given", role="original", epochs=None)
    else:
        assert trained_on is not None
        yield full(trained_on, "original", label="original", role="original", epochs=total)
    label = "pruned (P)" if paper else "pruned"
    yield write(pruned, "pruned", label=label, role="candidate", epochs=total, cost=small)
    if own_original and trained_on is not None:
        yield full(trained_on, "original-trained-on", label=TRAINED_ON, role="extra", epochs=total)
    if paper:
        plan = plan_from_state(prunable.units, found.keep_U)
        whole = restore_full_network(pruned, found.network, prunable.units, plan)
        recalibrate_batchnorm(whole, context.data.train, batch_size=config.batch_size)
        yield full(whole, "full", label="full (F)", role="extra", epochs=total)


def _int8_of(context: StageContext, pruned: FileRecord) -> FileRecord:
    """The INT8 file that a latency was asked for, made and recorded as by ``compress export --int8``."""
    run, config = context.run, context.config
    settings = ExportSettings(int8=True, int8_for=int8_processor(run))
    maker = Int8Maker(settings, context.data, config.seed, lambda what: _say(context, what))
    with scratch_folder() as temporary:
        made = maker.record(pruned.in_folder(run.path / ARTIFACTS), temporary)
        content = Path(made.file).read_bytes()
    file = made.in_folder(ARTIFACTS)
    run.change({file.file: content} | with_variants(run, (file,)))
    return file


def _say(context: StageContext, what: str) -> None:
    context.observer.step(0, images=0, values={"now": what})


def _write(context: StageContext, network: nn.Module, stem: str, **facts: Any) -> FileRecord:
    with scratch_folder() as temporary:
        path = temporary / f"{stem}.onnx"  # in the run folder only once it answers as the module does
        file = export_network(network, path, context.config, context.data, opset=context.config.opset, **facts)
        context.run.write_bytes(f"{ARTIFACTS}/{path.name}", path.read_bytes())
    return file.in_folder(ARTIFACTS)
