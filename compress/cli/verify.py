"""``compress verify``: measure a run's files again, or any two ONNX classifiers, and hold them to limits."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from compress.cli import options
from compress.cli.options import flag
from compress.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from compress.observer import Observer
    from compress.report.model import Report
    from compress.verdict.settings import VerifySettings
    from exporters.read.signature import Layout

_FILES, _GATES, _TIMING = "Any two files", "Gates (the pessimistic end of the interval counts; exit 3)", "Latency"

Run = Annotated[
    Path | None, Argument(metavar="RUN", help="Run folder: its files are checked, measured and reported anew.")
]
FILES: dict[str, Any] = {
    "original": flag(Path, _FILES, "ONNX file to compare with."),
    "candidate": flag(Path, _FILES, "ONNX file to judge."),
    "layout": flag(str, _FILES, "nchw or nhwc, where a file's shape leaves it open."),
    "mean": flag(str, _FILES, "Per channel, of pixels in 0..1: 0.485,0.456,0.406. (default: the file's, the data's)"),
    "std": flag(str, _FILES, "The same for the standard deviation."),
    "out": flag(Path, _FILES, "New folder for the reports; of a run, too. (default: the run's own, or none)"),
}
GATES: dict[str, Any] = {
    "max_drop": flag(float, _GATES, "Points of Top-1 it may lose."),
    "min_speedup": flag(float, _GATES, "Times as fast it must be (smallest batch, fewest threads)."),
    "max_latency_ms": flag(float, _GATES, "Median milliseconds of a call (the same setting)."),
    "max_size_mb": flag(float, _GATES, "Of its file, in 10^6 bytes."),
    "max_macs": flag(str, _GATES, "Multiply-accumulates for one image: 4000000, 4M, 1.2G."),
    "row": flag(str, _GATES, 'Which row has to keep them: "pruned int8". (default: the candidate)'),
}
TIMING: dict[str, Any] = {
    "batch_sizes": flag(str, _TIMING, "Images in a call, comma-separated. (default: 1,8)"),
    "threads": flag(str, _TIMING, "Of onnxruntime, comma-separated. (default: 1 and all)"),
    "seconds": flag(float, _TIMING, "Of timing for each pair of files and setting. (default: 2.5)"),
    "seed": flag(int, _TIMING, "Of the timing's order and intervals. (default: 0)"),
}
_SUFFIXES = {"k": 1e3, "m": 1e6, "g": 1e9}


@options.collecting(files=FILES, data=options.DATA, gates=GATES, timing=TIMING)
def verify(
    run: Run = None,
    *,
    files: options.Settings,
    data: options.Settings,
    gates: options.Settings,
    timing: options.Settings,
    model: options.Model = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure a run's files again, or any two ONNX classifiers, and hold the candidate to limits.

    Example: compress verify runs/first --max-drop 1 --min-speedup 1.5

    Example: compress verify --original a.onnx --candidate b.onnx --dataset photos/
    """
    if model is not None and run is None:
        raise UsageError("--model is for a run of your own network: ONNX files need no code, drop it")
    settings = _settings(gates, timing)
    if (run is None) == (not files.keys() - {"out"}):
        raise UsageError("what shall be verified? give a run folder, or --original and --candidate with --dataset")
    from compress.cli import output
    from compress.cli.progress import watching
    from compress.report.run_terminal import render_run_terminal as render_terminal
    from compress.verdict.gates import require
    from compress.verdict.of_run import verify_run

    out, code = files.pop("out", None), options.named_code(model)
    with watching(output.talk_console(), {}, quiet=quiet) as observer, options.stdout_kept(code):
        if run:
            options.refuse_other_images(data)
            report = verify_run(run, settings, moved=data, observer=observer, out=out, code=code)
        else:
            report = _of_files(files, data, settings, out, observer)
    if json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        render_terminal(report, output.data_console())
    if (out or run) and not quiet:
        output.talk_console().print(f"The reports are in {out or run}", markup=False, soft_wrap=True)
    try:
        require(report.gates)
    except CheckFailedError as missed:
        if not json:
            raise
        sys.stderr.write(f"Error: {missed}\n")  # the document on stdout is the report, which holds the gates
        raise typer.Exit(missed.exit_code) from None


def _settings(gates: options.Settings, timing: options.Settings) -> "VerifySettings":
    from compress.verdict.gates import Gates
    from compress.verdict.settings import VerifySettings

    limits = dict(gates)
    judged = limits.pop("row", None)
    if "max_macs" in limits:
        limits["max_macs"] = _macs(limits["max_macs"])
    chosen: dict[str, Any] = dict(timing)
    for name in ("batch_sizes", "threads"):
        if name in chosen:
            chosen[name] = _counts(chosen[name], flag_name=name)
    return VerifySettings(**chosen, gates=Gates(**limits), judged=judged)


def _of_files(
    files: options.Settings,
    data: options.Settings,
    settings: "VerifySettings",
    out: Path | None,
    observer: "Observer",
) -> "Report":
    missing = [name for name in ("original", "candidate") if name not in files]
    missing += [] if "dataset" in data else ["dataset"]
    if missing:
        raise UsageError(f"two files are compared on a data set: give {', '.join('--' + name for name in missing)} too")
    from compress.report.documents import new_folder, render_documents, write_documents
    from compress.settings.config import build_data_config
    from compress.verdict.file_facts import Said
    from compress.verdict.of_files import verify_files

    said = Said(
        layout=_layout(files.get("layout")),
        mean=_numbers(files.get("mean"), flag_name="mean"),
        std=_numbers(files.get("std"), flag_name="std"),
        image_size=data.get("image_size"),
    )
    images = build_data_config({name: value for name, value in data.items() if name != "image_size"})
    with new_folder(out) if out else nullcontext():
        report = verify_files(files["original"], files["candidate"], images, settings, said=said, observer=observer)
        if out is not None:
            write_documents(out, render_documents(report))
    return report


def _layout(text: str | None) -> "Layout | None":
    layouts: dict[str, Layout] = {"nchw": "NCHW", "nhwc": "NHWC"}
    if text is None:
        return None
    if text.lower() not in layouts:
        raise UsageError(f"expected nchw or nhwc for --layout, got {text!r}")
    return layouts[text.lower()]


def _numbers(text: str | None, *, flag_name: str) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"expected numbers such as 0.485,0.456,0.406 for --{flag_name}, got {text!r}") from None


def _counts(text: str, *, flag_name: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and len(word) < 10 and int(word) for word in words):
        raise UsageError(f"expected numbers from 1 such as 1,8 for --{flag_name.replace('_', '-')}, got {text!r}")
    return tuple(sorted({int(word) for word in words}))


def _macs(text: str) -> int:
    number, scale = (text[:-1], _SUFFIXES[text[-1].lower()]) if text[-1:].lower() in _SUFFIXES else (text, 1.0)
    try:
        return round(float(number) * scale)
    except (ValueError, OverflowError):
        raise UsageError(f"expected a number such as 4000000, 4M or 1.2G for --max-macs, got {text!r}") from None
