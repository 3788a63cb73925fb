"""What is on record of every ONNX file in a run folder: the run's own, and those ``compress export`` added."""

from typing import Final, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from compress.errors import BadInputError
from compress.runs import RunFolder
from compress.runs.manifest import sha256_of
from compress.runs.outlook import advice
from exporters.read.parity import ParityReport
from exporters.write.int8 import Quantization

Role = Literal["original", "candidate", "extra"]
Precision = Literal["fp32", "fp16", "int8"]

ARTIFACTS: Final = "artifacts"
NOTES: Final = "06_export/notes.json"
EXPORTED: Final = "06_export/export.json"
VARIANTS: Final = "06_export/variants.json"


@dataclass(frozen=True)
class ShippedFile:
    """One ONNX file of a run.

    Attributes:
        label: its row's name in the report: "original", "pruned", "pruned int8".
        role: original, candidate, or an extra row.
        file: relative to the run folder, "artifacts/pruned.int8.onnx".
        sha256: of the file.
        size_bytes: of the file.
        precision: of its weights.
        epochs: that the network was trained for; ``None`` for weights from elsewhere.
        parameters: of the module it came from.
        macs: of that module, for one image.
        denormals_flushed: weights set to 0 on the way into the file.
        parity: the file against the module; ``None`` for a file made from another file.
        source: label of the file it was made from.
        quantization: for INT8.
    """

    label: str
    role: Role
    file: str
    sha256: str
    size_bytes: int
    precision: Precision
    epochs: int | None
    parameters: int
    macs: int
    denormals_flushed: int | None
    parity: ParityReport | None = None
    source: str | None = None
    quantization: Quantization | None = None


_FILES: Final = TypeAdapter(tuple[ShippedFile, ...])


def record(run: RunFolder, files: tuple[ShippedFile, ...]) -> None:
    """Put the run's own files on record."""
    run.write_json(EXPORTED, _FILES.dump_python(files, mode="json"))


def record_variants(run: RunFolder, files: tuple[ShippedFile, ...]) -> None:
    """Add files made later; one of the same label takes the old one's place.

    What was made from a file that has been replaced is no longer on record: its source is gone.
    """
    replaced = {new.label for new in files}
    kept = tuple(old for old in _read(run, VARIANTS) if not {old.label, old.source} & replaced)
    run.write_json(VARIANTS, _FILES.dump_python((*kept, *files), mode="json"))


def shipped_files(run: RunFolder) -> tuple[ShippedFile, ...]:
    """All files on record, the run's own first; each is there, whole, and the one that was recorded.

    Raises:
        BadInputError: the run has not exported yet, or a file is missing or was changed.
    """
    files = (*_read(run, EXPORTED), *_read(run, VARIANTS))
    if not files:
        raise BadInputError(f"{run.path} has exported nothing yet: {advice(run)}")
    for file in files:
        if sha256_of(run.read_bytes(file.file)) != file.sha256:
            raise BadInputError(
                f"{run.path / file.file} is not the file on record for {file.label}: an export was cut short; "
                "make it again with compress export"
            )
    return files


def _read(run: RunFolder, name: str) -> tuple[ShippedFile, ...]:
    return _FILES.validate_python(run.read_json(name)) if run.has(name) else ()
