"""Export: the networks of the verdict as ONNX files, checked against torch on real images."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from compress.channels.costs import Cost
from compress.runs import MODEL_FACTS
from compress.runs.bench import Bench
from compress.runs.file_records import ARTIFACTS, NOTES, Role, ShippedFile, record, shipped_files
from compress.runs.model_facts import file_metadata, model_facts
from compress.runs.parity import prove_parity
from exporters.write.onnx_export import export_onnx


@dataclass(frozen=True)
class Entrant:
    """A network of the verdict: its row's label and role, its file's name, the epochs it was trained for, its cost."""

    label: str
    role: Role
    stem: str
    network: nn.Module
    epochs: int | None
    cost: Cost

    @property
    def file(self) -> str:
        """Where its ONNX file is in the run folder."""
        return f"{ARTIFACTS}/{self.stem}.onnx"


def export(bench: Bench, entrants: list[Entrant], *, notes: tuple[str, ...]) -> None:
    """Write ``original.onnx``, ``pruned.onnx`` and the like, ``model.json`` beside them, and put them on record.

    Args:
        bench: of the run.
        entrants: the networks of the verdict.
        notes: what the report has to say of them.

    Raises:
        CheckFailedError: onnxruntime does not answer as torch does.
        BadInputError: a file that was exported before is gone or was changed.
    """
    name = "06_export"
    if bench.run.is_finished(name):
        shipped_files(bench.run)  # still there, and whole
        return
    with bench.stage(name):
        record(bench.run, tuple(_export_one(bench, entrant) for entrant in entrants))
        files = {entrant.label: Path(entrant.file).name for entrant in entrants}
        bench.run.write_json(MODEL_FACTS, model_facts(bench.data, arch=bench.config.arch, files=files))
        bench.run.write_json(NOTES, notes)


def _export_one(bench: Bench, entrant: Entrant) -> ShippedFile:
    config = bench.config
    path = bench.run.path / entrant.file
    path.parent.mkdir(exist_ok=True)
    artifact = export_onnx(
        entrant.network,
        path,
        input_shape=bench.data.preprocessing.input_shape,
        opset=config.opset,
        metadata=file_metadata(bench.data),
    )
    bench.run.adopt(entrant.file)
    return ShippedFile(
        label=entrant.label,
        role=entrant.role,
        file=entrant.file,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        precision="fp32",
        epochs=entrant.epochs,
        parameters=entrant.cost.parameters,
        macs=entrant.cost.macs,
        denormals_flushed=artifact.denormals_flushed,
        parity=prove_parity(entrant.network, path, bench.check_images().cpu(), threads=config.threads),
    )
