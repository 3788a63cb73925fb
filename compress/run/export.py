"""Export: the trained networks as ONNX files, compared with torch on real images."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from torch import nn

from compress.channels.budget import Prunable
from compress.channels.costs import Cost
from compress.run.baseline import baseline_epochs, baseline_notes, epochs_after_baseline, trained_here
from compress.run.search import SearchResult
from compress.runs import MODEL_FACTS
from compress.runs.file_records import ARTIFACTS, NOTES, FileRecord, Role, record, recorded_files
from compress.runs.model_json import file_metadata, model_facts
from compress.runs.parity import prove_parity
from compress.runs.stage_context import StageContext
from compress.structure.plan import plan_from_state
from compress.structure.remove import restore_full_network
from compress.training.evaluate import recalibrate_batchnorm
from exporters.write.onnx_export import export_onnx

TRAINED_ON: Final = "original, trained on"
"""Label of given weights that were trained for as many epochs as the pruned network."""


@dataclass(frozen=True)
class TrainedNetworks:
    """What the stages before the export made.

    Attributes:
        before: the unpruned network after the baseline.
        trained_on: the same after as many epochs as search and fine-tuning take; ``None`` where not trained.
        found: what the search found.
        pruned: the smaller network after fine-tuning.
    """

    before: nn.Module
    trained_on: nn.Module | None
    found: SearchResult
    pruned: nn.Module


def export(context: StageContext, networks: TrainedNetworks, prunable: Prunable) -> None:
    """Write ``original.onnx``, ``pruned.onnx`` and the like, ``model.json`` beside them, and their records.

    Raises:
        CheckFailedError: onnxruntime and torch give different answers.
        BadInputError: a file that was exported before is missing or was changed.
    """
    name = "06_export"
    if context.run.is_finished(name):
        recorded_files(context.run)
        return
    with context.stage(name):
        files = tuple(_write_all(context, networks, prunable))
        record(context.run, files)
        names = {file.label: file.name for file in files}
        context.run.write_json(MODEL_FACTS, model_facts(context.data, arch=context.config.arch, files=names))
        not_pruned = [
            f"{root} is not pruned: {reason}" for root, reason in prunable.units.not_pruned_before_head.items()
        ]
        context.run.write_json(NOTES, [*baseline_notes(context), *not_pruned])


def _write_all(context: StageContext, networks: TrainedNetworks, prunable: Prunable) -> Iterator[FileRecord]:
    """Write every file; with the paper's names (F) is the full network after EDropout, (P) the pruned one."""
    found, trained_on = networks.found, networks.trained_on
    total = baseline_epochs(context) + epochs_after_baseline(context.config)
    paper = context.config.preset == "paper"
    write = partial(_write, context)
    full = partial(write, cost=prunable.model.full)
    small = prunable.model.cost(prunable.units.counts(found.keep_U.unsqueeze(0))[0])
    if trained_here(context):
        assert trained_on is not None
        yield full(trained_on, "original", role="original", stem="original", epochs=total)
    else:
        yield full(networks.before, "original, as given", role="original", stem="original", epochs=None)
    label = "pruned (P)" if paper else "pruned"
    yield write(networks.pruned, label, role="candidate", stem="pruned", epochs=total, cost=small)
    if trained_on is not None and not trained_here(context):
        yield full(trained_on, TRAINED_ON, role="extra", stem="original-trained-on", epochs=total)
    if paper:
        plan = plan_from_state(prunable.units, found.keep_U)
        whole = restore_full_network(networks.pruned, found.network, prunable.units, plan)
        recalibrate_batchnorm(whole, context.data.train, batch_size=context.config.batch_size)
        yield full(whole, "full (F)", role="extra", stem="full", epochs=total)


def _write(
    context: StageContext, network: nn.Module, label: str, *, role: Role, stem: str, epochs: int | None, cost: Cost
) -> FileRecord:
    file = f"{ARTIFACTS}/{stem}.onnx"
    path = context.run.path / file
    path.parent.mkdir(exist_ok=True)
    artifact = export_onnx(
        network,
        path,
        input_shape=context.data.preprocessing.input_shape,
        opset=context.config.opset,
        metadata=file_metadata(context.data),
    )
    context.run.adopt(file)
    return FileRecord(
        label=label,
        role=role,
        file=file,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        precision="fp32",
        macs=cost.macs,
        parameters=cost.parameters,
        epochs=epochs,
        denormals_flushed=artifact.denormals_flushed,
        parity=prove_parity(network, path, context.check_images().cpu(), threads=context.config.threads),
    )
