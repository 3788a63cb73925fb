"""``compress verify`` of any two ONNX classifiers."""

from pathlib import Path

from compress.data.load import load_data
from compress.environment import describe_environment, usable_cores
from compress.exporter_faults import export_faults
from compress.observer import Observer
from compress.report.model import Report
from compress.runs.file_records import FileRecord, Role
from compress.settings.config import DataConfig
from compress.settings.verify import UserOverrides, VerifySettings
from compress.verdict.measure import Progress, count_steps, measure
from compress.verdict.open_files import FileSpec, OpenedFile, open_files


def verify_files(
    original: Path,
    candidate: Path,
    images: DataConfig,
    settings: VerifySettings,
    *,
    overrides: UserOverrides | None = None,
    observer: Observer | None = None,
) -> Report:
    """Compare two ONNX classifiers on a data set's test images; the gates judge the candidate.

    Errors and ``overrides`` are as in ``open_file``.
    """
    observer = observer or Observer()
    observer.stage("verify", index=1, count=1, steps=0)
    with export_faults():
        specs = open_files(
            original,
            candidate,
            lambda size: load_data(images.model_copy(update={"image_size": size}), test_only=True),
            overrides=overrides,
        )
        first, second = _labels(original, candidate)
        files = [_opened(first, "original", specs[0]), _opened(second, "candidate", specs[1])]
        observer.stage("verify", index=1, count=1, steps=count_steps(files, settings))
        return measure(
            files,
            specs[0].data,
            settings,
            Progress(observer),
            name=f"{second} against {first}",
            environment=describe_environment(threads=usable_cores(), seed=settings.seed),
            notes=[note for notes in (*(spec.notes for spec in specs), *map(uncounted_note, specs)) for note in notes],
        )


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


def uncounted_note(spec: FileSpec) -> tuple[str, ...]:
    """A note where the MACs of a file leave operators out."""
    names = ", ".join(spec.cost.uncounted)
    return (f"{spec.path.name}: its MACs do not include {names}",) if names else ()
