"""``compress verify``: measure a run's files again, or any two ONNX classifiers, and check limits."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Argument

from compress.cli import options, output
from compress.cli.options import Given, flag, flags_of, spelled, with_flags
from compress.errors import CheckFailedError, UsageError
from compress.settings.config import DataConfig, build
from compress.settings.preprocessing import PreprocessingSettings
from compress.settings.verify import FILES as ANY_FILES
from compress.settings.verify import Gates, UserOverrides, VerifySettings

if TYPE_CHECKING:
    from compress.observer import Observer
    from compress.report.model import Report
    from compress.verdict.open_files import Loader

Run = Annotated[
    Path | None, Argument(metavar="RUN", help="Run folder: its files are checked, measured and reported again.")
]
FILES: Final = {
    "original": flag(Path, ANY_FILES, "ONNX file to compare with."),
    "candidate": flag(Path, ANY_FILES, "ONNX file to judge."),
    **flags_of(UserOverrides, only=("layout",)),
    "out": flag(Path, ANY_FILES, "New folder for the reports; also for a run's. (default: the run's own, or none)"),
}


@with_flags(
    files=FILES, data=options.DATA, gates=flags_of(Gates), timing=flags_of(VerifySettings), own=options.OWN_NETWORK
)
def verify(
    run: Run = None,
    *,
    files: Given,
    data: Given,
    gates: Given,
    timing: Given,
    own: Given,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure a run's files again, or any two ONNX classifiers, and check the candidate against limits.

    Example: compress verify runs/first --max-drop 1 --min-speedup 1.5

    Example: compress verify --original a.onnx --candidate b.onnx --dataset photos/
    """
    if own and run is None:
        raise UsageError("--model is for a run of your own network: ONNX files need no code, drop it")
    settings = build(VerifySettings, timing | {"gates": build(Gates, gates)})
    if (run is None) == (not files.keys() - {"out"}):
        raise UsageError("expected a run folder, or --original, --candidate and --dataset")
    from compress.cli.interrupts import stopped_at_once
    from compress.cli.progress import watching
    from compress.report.documents import report_document
    from compress.verdict.gates import require
    from compress.verdict.verify import verify_run

    out, code = files.pop("out", None), options.named_code(own.get("model"))
    with stopped_at_once(), watching({}, quiet=quiet) as observer, options.stdout_kept(code):
        if run:
            options.refuse_other_images(data)
            report = verify_run(run, settings, moved=data, observer=observer, out=out, code=code)
        else:
            report = _of_files(files, data, settings, out, observer)
    output.show(report, report_document, json=json)
    if out or (run and report.on_cpu):
        output.say(f"The reports are in {out or run}", quiet=quiet)
    elif run:
        output.say(f"The reports in {run} stay those of the CPU; --out FOLDER writes these", quiet=quiet)
    try:
        require(report.gates)
    except CheckFailedError as missed:
        if not json:
            raise
        output.say(f"Error: {missed}")  # stdout has the report, which contains the gates
        raise typer.Exit(missed.exit_code) from None


def two_files(files: Given, data: Given, out: Path | None) -> "tuple[Path, Path, Loader, UserOverrides]":
    """Original, candidate, their test images and what the user states of them.

    UsageError if one is not given, or ``out``, where something is to be written, lies among the images.
    """
    if missing := [name for name in ("original", "candidate", "dataset") if name not in files | data]:
        raise UsageError(f"two files are compared on a data set: give {spelled(missing)} too")
    from compress.runs.outputs import check_outside_images
    from compress.verdict.verify import load_test_images

    images = build(DataConfig, data)
    if out is not None:
        check_outside_images(out, images)
    stated = {name: getattr(images, name) for name in PreprocessingSettings.model_fields}
    named = {name: value for name, value in files.items() if name not in ("original", "candidate")}
    overrides = build(UserOverrides, named | stated)
    return files["original"], files["candidate"], load_test_images(images), overrides


def _of_files(files: Given, data: Given, settings: VerifySettings, out: Path | None, observer: "Observer") -> "Report":
    original, candidate, load, overrides = two_files(files, data, out)
    from compress.report.documents import new_folder, render_documents, write_documents
    from compress.verdict.verify import verify_files

    with new_folder(out) if out else nullcontext() as folder:
        report = verify_files(original, candidate, load, settings, overrides=overrides, observer=observer)
        if folder is not None:
            write_documents(folder, render_documents(report))
    return report
