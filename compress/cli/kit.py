"""``compress kit``: a folder to copy to a device, where its program checks and times the files."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from typer import Argument

from compress.cli import options, output
from compress.cli.options import Given, flag, with_flags
from compress.cli.verify import FILES as TWO_FILES
from compress.errors import UsageError

if TYPE_CHECKING:
    from exporters.device.kit_files import KitFile

Run = Annotated[Path | None, Argument(metavar="RUN", help="Run folder: all its ONNX files.")]
FILES: Final = TWO_FILES | {"out": flag(Path, None, "New folder for the kit.")}
SAMPLES: Final = {
    "layers": flag(
        bool, None, "Also sample files of a run's network, for measure.py --layers and run --target.", "--layers"
    ),
    "int8_for": flag(Literal["x86", "arm"], None, "With --layers: sample files in INT8, for this kind of processor."),
}
BROWSER: Final = {
    "web": flag(
        bool,
        None,
        "Also index.html, which runs the files in a browser; npm downloads onnxruntime-web if it is not in its cache.",
        "--web",
    ),
    "web_package": flag(Path, None, "The npm package onnxruntime-web as a file (.tgz), for --web without npm."),
}


@with_flags(files=FILES, data=options.DATA, samples=SAMPLES, browser=BROWSER, own=options.OWN_NETWORK)
def kit(
    run: Run = None,
    *,
    files: Given,
    data: Given,
    samples: Given,
    browser: Given,
    own: Given,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a folder to copy to a device: ONNX files, 64 test images with the answers, a program that measures there.

    The program, measure.py, needs Python 3.9, numpy and onnxruntime.

    Example: compress kit runs/first --out kit

    Example: compress kit runs/first --out kit --web

    Example: compress kit --original a.onnx --candidate b.onnx --dataset photos/ --out kit
    """
    out = files.pop("out", None)
    if out is None or (run is None) == (not files):
        raise UsageError("expected --out, and a run folder or --original, --candidate and --dataset")
    if (own or samples) and run is None:
        raise UsageError("--model, --layers and --int8-for need a run folder: drop them for two ONNX files")
    if "int8_for" in samples and "layers" not in samples:
        raise UsageError("--int8-for is for sample files: add --layers, or drop it")
    from compress.cli.interrupts import stopped_at_once
    from compress.cli.progress import watching
    from compress.cli.verify import two_files
    from compress.kit.browser.package import read_runtime
    from compress.kit.write import kit_of_files, kit_of_run

    code = options.named_code(own.get("model"))
    with stopped_at_once(), watching({}, quiet=quiet) as observer, options.stdout_kept(code):
        if run:
            options.refuse_other_images(data)
        else:
            original, candidate, load, overrides = two_files(files, data, out)
        runtime = read_runtime(browser.get("web_package")) if browser else {}
        if run:
            made = kit_of_run(run, out, moved=data, code=code, **samples, runtime=runtime, observer=observer)
        else:
            made = kit_of_files(original, candidate, load, out, overrides=overrides, runtime=runtime, observer=observer)
    _show(made, out, json=json, quiet=quiet)


def _show(made: "tuple[KitFile, ...]", out: Path, *, json: bool, quiet: bool) -> None:
    if json:
        shown = [{"label": one.label, "path": str(out / one.file), "sha256": one.sha256} for one in made]
        output.print_json({"kit": str(out), "files": shown})
        return
    rows = [(one.label, one.file, one.sha256[:12]) for one in made]
    output.show_table(("Label", "File", "sha256"), rows)
    name = shlex.quote(str(out))
    output.say(f"Copy {name} to the device, run there: python measure.py", quiet=quiet)
