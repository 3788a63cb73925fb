"""Two ONNX files that no run made, opened as the original and the candidate."""

from collections.abc import Sequence
from pathlib import Path

from compress.runs.file_records import FileRecord, Role
from compress.settings.verify import UserOverrides
from compress.verdict.open_files import FileSpec, Loader, OpenedFile, open_files


def open_pair(
    original: Path, candidate: Path, load: Loader, *, overrides: UserOverrides | None = None
) -> list[OpenedFile]:
    """Two files that no run made, opened; errors as in ``open_files``."""
    specs = open_files(original, candidate, load, overrides=overrides)
    first, second = _labels(original, candidate)
    return [_opened(first, "original", specs[0]), _opened(second, "candidate", specs[1])]


def pair_name(files: Sequence[OpenedFile]) -> str:
    """The name of a report on two files, the original first."""
    return f"{files[1].record.label} against {files[0].record.label}"


def _labels(original: Path, candidate: Path) -> tuple[str, str]:
    """The files' names, with their folders' where the names are the same."""
    if original.name != candidate.name:
        return original.name, candidate.name
    first, second = (f"{path.resolve().parent.name}/{path.name}" for path in (original, candidate))
    return (first, second) if first != second else (f"{first} (original)", f"{second} (candidate)")


def _opened(label: str, role: Role, spec: FileSpec) -> OpenedFile:
    record = FileRecord(
        label=label,
        role=role,
        file=str(spec.path),
        sha256=spec.sha256,
        size_bytes=spec.size_bytes,
        precision=spec.cost.precision,
        macs=spec.cost.macs,
        parameters=spec.cost.parameters,
    )
    return OpenedFile(record, spec)
