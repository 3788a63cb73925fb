"""``compress export``: more files of a run, or files from weights alone."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from rich.table import Table
from typer import Argument, Option

from compress.cli import options
from compress.cli.options import flag
from compress.errors import UsageError

if TYPE_CHECKING:
    from compress.export.variants import Wanted
    from compress.networks.own_code import OwnCode
    from compress.observer import Observer
    from compress.report.model import Report
    from compress.runs.file_records import FileRecord

_FILES, _WEIGHTS, _VERDICT = "Files", "Weights without a run", "Verdict (of a run)"

Run = Annotated[Path | None, Argument(metavar="RUN", help="Run folder: files of its original and pruned network.")]
WANTED: dict[str, Any] = {
    "int8": flag(bool, _FILES, "INT8, calibrated on training images: smaller, faster.", "--int8"),
    "float16": flag(bool, _FILES, "Weights stored in 16 bits: half the size, as fast.", "--fp16"),
    "preprocessing": flag(bool, _FILES, "Files that take raw pixels, uint8 NHWC.", "--embed-preprocessing"),
    "ort": flag(bool, _FILES, "onnxruntime's mobile format and its operators.", "--ort"),
    "opset": flag(int, _FILES, "Export anew with this operator set; the others follow. (default: the run's; 18)"),
    "calibration_images": flag(int, _FILES, "Training images to calibrate INT8 with. (default: 512)"),
}
NETWORK: dict[str, Any] = {
    "arch": flag(str, _WEIGHTS, "Network; see `compress list archs`.", "--arch", "-a"),
    "model": flag(str, "Network of your own", "The code that builds it: path/file.py:build. It is run."),
    "weights": flag(Path, _WEIGHTS, "Yours, trained: safetensors or a state dict."),
    "out": flag(Path, _WEIGHTS, "New folder for the files."),
}
Verify = Annotated[
    bool, Option("--verify/--no-verify", help="Measure the new files, new reports.", rich_help_panel=_VERDICT)
]
TIMING: dict[str, Any] = {
    "seconds": flag(float, _VERDICT, "Of timing for each pair of files and setting. (default: 2.5)")
}


@dataclass(frozen=True)
class Reading:
    """How a run is read: where its images are now, who is told of progress, the code of an own network."""

    moved: options.Settings
    observer: "Observer"
    code: "OwnCode | None"


@options.collecting(wanted=WANTED, network=NETWORK, data=options.DATA, timing=TIMING)
def export(
    run: Run = None,
    *,
    wanted: options.Settings,
    network: options.Settings,
    data: options.Settings,
    timing: options.Settings,
    verify: Verify = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make INT8, FP16, mobile and raw-pixel files of a run's networks, or of weights of your own.

    Example: compress export runs/first --int8

    Example: compress export --weights w.safetensors --arch resnet18 --dataset photos/ --out files --int8
    """
    if (run is None) == (not network.keys() - {"model"}):
        raise UsageError("what shall be exported? give a run folder, or --weights with --arch, --dataset and --out")
    from compress.cli import output
    from compress.cli.progress import watching
    from compress.export.variants import Wanted

    _refuse_idle(wanted, timing, of_run=run is not None, verify=verify)
    chosen, code = Wanted(**wanted), options.named_code(network.get("model"))
    with watching(output.talk_console(), {}, quiet=quiet) as observer, options.stdout_kept(code):
        if run is not None:
            reading = Reading(data, observer, code)
            made = _of_run(run, chosen, reading)
            report = _verified(run, made, timing, reading) if verify else None
        else:
            made, report = _of_weights(network | data, chosen, code), None
    if json:
        verdict = report.model_dump(mode="json") if report else None
        output.print_json({"files": [_as_plain(one) for one in made], "report": verdict})
        return
    _show(made, report)
    if not quiet:
        for line in _next_steps(run, made, report, data):
            output.talk_console().print(line, markup=False, soft_wrap=True)


def _refuse_idle(wanted: options.Settings, timing: options.Settings, *, of_run: bool, verify: bool) -> None:
    """Raise UsageError for flags that would have no effect."""
    if "calibration_images" in wanted and not wanted.get("int8"):
        raise UsageError("--calibration-images is for --int8: give that too")
    if not of_run and (timing or not verify):
        raise UsageError("files from weights are not measured here: drop --seconds and --no-verify")


def _of_run(run: Path, wanted: "Wanted", reading: Reading) -> list["FileRecord"]:
    from compress.export.of_run import add_variants

    if not wanted.anything:
        raise UsageError(
            f"{run} has its fp32 files already, in {run}/artifacts: say what else, such as --int8, --fp16, --ort, "
            "--embed-preprocessing or --opset N"
        )
    options.refuse_other_images(reading.moved)
    return add_variants(run, wanted, moved=reading.moved, observer=reading.observer, code=reading.code)


def _verified(run: Path, made: Sequence["FileRecord"], timing: options.Settings, reading: Reading) -> "Report | None":
    """The run's new report, where there are new rows for it."""
    if all(one.operators is not None for one in made):
        return None
    from compress.verdict.of_run import verify_run
    from compress.verdict.settings import VerifySettings

    return verify_run(run, VerifySettings(**timing), moved=reading.moved, observer=reading.observer, code=reading.code)


def _of_weights(given: options.Settings, wanted: "Wanted", code: "OwnCode | None") -> list["FileRecord"]:
    from compress.export.of_weights import export_weights
    from compress.settings.config import build_config

    named = "arch" if code is None else "model"
    missing = ["--" + name for name in ("weights", named, "dataset", "out") if name not in given]
    if missing:
        raise UsageError(f"to export weights without a run, give {', '.join(missing)} too")
    out = given.pop("out")
    return export_weights(build_config(given).with_code(code), wanted, out=out)


def _as_plain(made: "FileRecord") -> dict[str, Any]:
    return made.model_dump(mode="json", exclude={"file"}) | {"path": made.file, "operators": made.operators}


def _show(made: Sequence["FileRecord"], report: "Report | None") -> None:
    from compress.cli import output
    from compress.report.run_terminal import render_run_terminal as render_terminal

    console = output.data_console()
    table = Table("File", "Made from", box=None)
    table.add_column("Size", justify="right")
    table.add_column("sha256")
    for one in made:
        size = f"{one.size_bytes / 1e6:.2f} MB"
        table.add_row(escape(one.file), escape(one.source or "-"), size, one.sha256[:12])
    console.print(table)
    for one in made:
        if one.parity is not None:
            console.print(
                f"{one.name} answers as the module: {one.parity.max_abs_difference:.1e} at most on "
                f"{one.parity.images} images, same class on {one.parity.argmax_agreeing}",
                markup=False,
            )
        if one.quantization is not None and one.name.endswith(".int8.onnx"):
            facts = one.quantization
            console.print(
                f"{one.name}: calibrated on {facts.calibration_images:,} training images; "
                f"in float32: {', '.join(facts.float_layers) or 'nothing'}",
                markup=False,
            )
    if report is not None:
        render_terminal(report, console)


def _next_steps(
    run: Path | None, made: Sequence["FileRecord"], report: "Report | None", data: options.Settings
) -> list[str]:
    if run is not None:
        return [] if report else [f"Measure them: compress verify {shlex.quote(str(run))}"]
    rows = [one for one in made if one.operators is None]
    dataset = shlex.quote(str(data["dataset"]))
    return [
        f"Judge it: compress verify --original {shlex.quote(rows[0].file)} "
        f"--candidate {shlex.quote(one.file)} --dataset {dataset}"
        for one in rows[1:]
    ]
