"""``compress export``: more files of a run, or files from weights alone."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from compress.cli import options, output
from compress.cli.options import Given, flag, flags_of, spelled, with_flags
from compress.errors import UsageError
from compress.settings.config import RunConfig, build, build_config
from compress.settings.export import INT8_ONLY, ExportSettings
from compress.settings.verify import VerifySettings

if TYPE_CHECKING:
    from compress.networks.own_code import OwnCode
    from compress.report.model import Report
    from compress.runs.file_records import FileRecord

_WEIGHTS, _VERDICT = "Weights without a run", "Verdict (of a run)"

Run = Annotated[Path | None, Argument(metavar="RUN", help="Run folder: files of its original and pruned network.")]
NETWORK: Final = {
    **flags_of(RunConfig, only=("arch", "weights", "weights_key"), panel=_WEIGHTS),
    "out": flag(Path, _WEIGHTS, "New folder for the files."),
    **options.OWN_NETWORK,
}
Verify = Annotated[
    bool, Option("--verify/--no-verify", help="Measure the new files and write new reports.", rich_help_panel=_VERDICT)
]
TIMING: Final = flags_of(VerifySettings, only=("seconds",), panel=_VERDICT)


@with_flags(wanted=flags_of(ExportSettings), network=NETWORK, data=options.DATA, timing=TIMING)
def export(
    run: Run = None,
    *,
    wanted: Given,
    network: Given,
    data: Given,
    timing: Given,
    verify: Verify = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make INT8, FP16, mobile and raw-pixel files of a run's networks, or of your own weights.

    Example: compress export runs/first --int8

    Example: compress export --weights w.safetensors --arch resnet18 --dataset photos/ --out files --int8
    """
    if (run is None) == (not network.keys() - {"model"}):
        raise UsageError("expected a run folder, or --weights, --arch, --dataset and --out")
    if (only := [name for name in INT8_ONLY if name in wanted]) and not wanted.get("int8"):
        raise UsageError(f"{spelled(only)} is for --int8: give that too")
    if {"max_int8_drop", "calibration", "float_layers"} <= wanted.keys() and wanted["calibration"] != "auto":
        raise UsageError("with --calibration and --float-layers, --max-int8-drop chooses nothing: drop one of them")
    if run is None and (timing or not verify):
        raise UsageError("files from weights are not measured here: drop --seconds and --no-verify")
    chosen, code = build(ExportSettings, wanted), options.named_code(network.get("model"))
    report = None
    with options.stdout_kept(code):
        if run is None:
            made = _of_weights(network | data, chosen, code, quiet=quiet)
        else:
            timed = build(VerifySettings, timing) if verify else None
            made, report = _of_run(run, chosen, timed, data, code, quiet=quiet)
    if json:
        files = [
            one.model_dump(mode="json", exclude={"file"}) | {"path": one.file, "operators": one.operators}
            for one in made
        ]
        output.print_json({"files": files, "report": report.model_dump(mode="json") if report else None})
        return
    _show(made, report)
    for line in _next_steps(run, made, report, data):
        output.say(line, quiet=quiet)


def _of_run(
    run: Path, wanted: ExportSettings, timed: VerifySettings | None, data: Given, code: "OwnCode | None", *, quiet: bool
) -> "tuple[list[FileRecord], Report | None]":
    """The new files, and the run's new report: ``None`` if it would have no new rows."""
    from compress.cli.interrupts import stopped_at_once
    from compress.cli.progress import watching
    from compress.export.export_run import add_variants
    from compress.verdict.verify import verify_run

    if not wanted.anything:
        raise UsageError(
            f"{run} already has its float32 files, in {run}/artifacts: choose others, with --int8, --fp16, --ort, "
            "--embed-preprocessing or --opset N"
        )
    options.refuse_other_images(data)
    with stopped_at_once(), watching({}, quiet=quiet) as observer:
        made = add_variants(run, wanted, moved=data, observer=observer, code=code)
        if timed is None or all(one.operators is not None for one in made):
            return made, None
        return made, verify_run(run, timed, moved=data, observer=observer, code=code)


def _of_weights(given: Given, wanted: ExportSettings, code: "OwnCode | None", *, quiet: bool) -> "list[FileRecord]":
    from compress.cli.interrupts import stopped_at_once
    from compress.cli.progress import watching
    from compress.export.export_weights import export_weights

    named = "arch" if code is None else "model"
    if missing := [name for name in ("weights", named, "dataset", "out") if name not in given]:
        raise UsageError(f"to export weights without a run, give {spelled(missing)} too")
    out = given.pop("out")
    config = build_config(given).with_code(code)
    with stopped_at_once(), watching({}, quiet=quiet) as observer:
        return export_weights(config, wanted, out=out, observer=observer)


def _show(made: "list[FileRecord]", report: "Report | None") -> None:
    rows = [(one.file, one.source or "-", one.sha256[:12], f"{one.size_bytes / 1e6:.2f} MB") for one in made]
    output.show_table(("File", "Made from", "sha256"), rows, numbers=("Size",))
    lines = []
    for one in made:
        if (parity := one.parity) is not None:
            lines.append(
                f"{one.name} agrees with the module: outputs within {parity.max_abs_difference:.1e} on "
                f"{parity.images} images, same class on {parity.argmax_agreeing}"
            )
        if (facts := one.quantization) is not None and one.name.endswith(".int8.onnx"):
            lines.append(
                f"{one.name}: calibrated ({facts.calibration}) on {facts.calibration_images:,} training images; "
                f"in float32: {', '.join(facts.float_layers) or 'nothing'}"
            )
    output.show_lines(lines)
    if report is not None:
        from compress.report.documents import report_document

        output.show(report, report_document, json=False)


def _next_steps(run: Path | None, made: "list[FileRecord]", report: "Report | None", data: Given) -> list[str]:
    if run is not None:
        return [] if report else [f"Measure them: compress verify {shlex.quote(str(run))}"]
    first, *others = (shlex.quote(one.file) for one in made if one.operators is None)
    dataset = shlex.quote(str(data["dataset"]))
    return [f"Judge it: compress verify --original {first} --candidate {other} --dataset {dataset}" for other in others]
