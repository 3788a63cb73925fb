"""``FileRecord``: one ONNX file. A run folder keeps the records of its files and of those ``compress export`` added."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from compress.errors import BadInputError
from compress.runs import RunFolder
from compress.runs.json_files import json_bytes
from compress.runs.manifest import sha256_of
from exporters.int8.quantize import Quantization
from exporters.read.cost import Precision
from exporters.read.logits import ParityReport
from exporters.write.artifact import Artifact

Role = Literal["original", "candidate", "extra"]

ARTIFACTS: Final = "artifacts"
NOTES: Final = "06_export/notes.json"
_EXPORTED: Final = "06_export/export.json"
_VARIANTS: Final = "06_export/variants.json"


class Part(BaseModel):
    """A part of a document that is kept as JSON: frozen, without unknown fields, NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


class FileRecord(Part):
    """One ONNX file, and everything that is known of it without measuring it.

    Attributes:
        label: name of its row in the report: "original", "pruned (P)", "pruned int8".
        role: original, candidate, or an extra row.
        file: path in the folder it belongs to, "artifacts/pruned.int8.onnx"; of a file from elsewhere as given.
        sha256: of the file, followed by its external data if it has any.
        size_bytes: of the same.
        precision: of most of its weights.
        macs: multiply-accumulates for one image.
        parameters: trainable numbers of the module; of a file from elsewhere, numbers in its weights.
        epochs: passes over the training images in all stages; ``None`` for weights from elsewhere.
        denormals_flushed: weights too small for fast arithmetic that were set to 0; ``None`` where not known.
        parity: the file compared with its module; ``None`` for a file made from another file.
        source: label of the file it was made from.
        quantization: how an INT8 file was made.
    """

    label: str
    role: Role
    file: str
    sha256: str
    size_bytes: int
    precision: Precision
    macs: int
    parameters: int
    epochs: int | None = None
    denormals_flushed: int | None = None
    parity: ParityReport | None = None
    source: str | None = None
    quantization: Quantization | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.file).name

    @property
    def operators(self) -> str | None:
        """Of a file in onnxruntime's mobile format: the list of operators beside it. Such a file is not measured."""
        path = Path(self.file)
        return str(path.with_suffix(".required_operators.config")) if path.suffix == ".ort" else None

    def in_folder(self, folder: str | Path) -> "FileRecord":
        """The record of the same file in another folder."""
        return self.model_copy(update={"file": str(Path(folder) / self.name)})

    def variant(self, what: str, artifact: Artifact, **changes: Any) -> "FileRecord":
        """The record of a file made from this one: of the same network, so with its MACs, parameters and epochs."""
        written = {"file": str(artifact.path), "sha256": artifact.sha256, "size_bytes": artifact.size_bytes}
        place = {"label": f"{self.label} {what}", "role": "extra", "source": self.label}
        return self.model_copy(update=written | place | {"parity": None, "denormals_flushed": None} | changes)


_FILES: Final = TypeAdapter(tuple[FileRecord, ...])


def record_exported(run: RunFolder, files: tuple[FileRecord, ...]) -> None:
    """Keep the records of the run's own files."""
    run.write_json(_EXPORTED, _FILES.dump_python(files, mode="json"))


def with_variants(run: RunFolder, files: tuple[FileRecord, ...]) -> dict[str, bytes]:
    """The file of records with files made later, in place of those of the same labels and of files made from these."""
    replaced = {new.label for new in files}
    kept = tuple(old for old in _read(run, _VARIANTS) if not {old.label, old.source} & replaced)
    return {_VARIANTS: json_bytes(_FILES.dump_python((*kept, *files), mode="json"))}


def exported_files(run: RunFolder) -> tuple[FileRecord, ...]:
    """The records of the run's own files; BadInputError if there are none, or a file was changed."""
    files = _read(run, _EXPORTED)
    if not files:
        raise BadInputError(f"{run.path} has exported nothing yet: {run.advice()}")
    return _checked(run, files)


def recorded_files(run: RunFolder) -> tuple[FileRecord, ...]:
    """All files that are measured, the run's own first; BadInputError as in ``exported_files``."""
    variants = tuple(file for file in _read(run, _VARIANTS) if file.operators is None)
    return (*exported_files(run), *_checked(run, variants))


def mobile_files(run: RunFolder) -> tuple[FileRecord, ...]:
    """All files in onnxruntime's mobile format; BadInputError if one was changed."""
    return _checked(run, tuple(file for file in _read(run, _VARIANTS) if file.operators is not None))


def recorded_digests(run: RunFolder) -> dict[str, str]:
    """Label -> sha256 of every file on record; empty where nothing is exported yet."""
    return {file.label: file.sha256 for name in (_EXPORTED, _VARIANTS) for file in _read(run, name)}


def _checked(run: RunFolder, files: tuple[FileRecord, ...]) -> tuple[FileRecord, ...]:
    for file in files:
        if sha256_of(run.read_bytes(file.file)) != file.sha256:  # only earlier versions could leave that
            raise BadInputError(
                f"{run.path / file.file} is not the file on record for {file.label}: an export was cut short; "
                "make it again with compress export"
            )
    return files


def _read(run: RunFolder, name: str) -> tuple[FileRecord, ...]:
    return _FILES.validate_python(run.read_json(name, tuple[FileRecord, ...])) if run.has(name) else ()
