"""``compress run``: the main job."""

from pathlib import Path
from typing import Annotated, Final, Literal

from typer import Option

from compress.cli import options, output
from compress.cli.options import RUN, Given, flag, spelled, with_flags
from compress.errors import UsageError
from compress.settings.config import RunConfig

Out = Annotated[Path | None, Option(help="Run folder. (default: a new one in runs/)", rich_help_panel=RUN)]
Resume = Annotated[Path | None, Option(help="Resume the run in this folder.", rich_help_panel=RUN)]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the run in --out.", rich_help_panel=RUN)]

WATCH: Final = {
    "tensorboard": flag(Path, RUN, "Folder for live curves in TensorBoard's files."),
    "mlflow": flag(bool, RUN, "Live curves in MLflow, at MLFLOW_TRACKING_URI or in ./mlruns.", "--mlflow"),
    "quiet": options.Quiet,
}
"""How a run is watched."""


@with_flags(settings=options.SETTINGS, watch=WATCH)
def run(
    *,
    settings: Given,
    watch: Given,
    out: Out = None,
    config: options.Config = None,
    resume: Resume = None,
    overwrite: Overwrite = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """Train or load a classifier, prune it with EDropout, cut it down, export ONNX, verify.

    Example: compress run --arch squeezenet --keep-macs 0.4 --out runs/first
    """
    if resume is not None:
        from compress.runs import RunFolder

        code, now = options.named_code(settings.pop("model", None)), {"download": settings.pop("download", False)}
        others = {"out": out, "config": config, "overwrite": overwrite, "dry_run": dry_run} | settings
        if given := [name for name, value in others.items() if value]:
            raise UsageError(f"--resume continues with the run's own settings: drop {spelled(given)}")
        recorded = RunFolder.open(resume).read_config().model_copy(update=now).with_code(code)
        _execute(recorded, resume, watch, mode="resume", json=json)
        return
    merged = options.merge_settings(settings, config)
    from compress.runs import default_run_path
    from compress.runs.outputs import check_run_place

    path = out or default_run_path(merged)
    check_run_place(path, merged, also={"config": config, "preprocessing": settings.get("preprocessing")})
    if dry_run:
        _show_plan(merged, path, overwrite=overwrite, json=json, quiet=watch.get("quiet", False))
    else:
        _execute(merged, path, watch, mode="overwrite" if overwrite else "new", json=json)


def _show_plan(settings: RunConfig, path: Path, *, overwrite: bool, json: bool, quiet: bool) -> None:
    from compress.run.dry_run import plan_run
    from compress.runs import RunFolder

    RunFolder.check_free(path, overwrite=overwrite)
    with options.stdout_kept(settings.code), output.slow_work_note(quiet=quiet or json):
        plan = plan_run(settings)
    output.show_plan(plan, json=json)


def _execute(
    settings: RunConfig, path: Path, watch: Given, *, mode: Literal["new", "resume", "overwrite"], json: bool
) -> None:
    from compress.cli.interrupts import asked_to_stop
    from compress.cli.progress import watching
    from compress.curves.live import live_curves
    from compress.observer import Observers
    from compress.report.documents import report_document
    from compress.run.eta import expected_work
    from compress.run.pipeline import run_pipeline
    from compress.runs.decide import decide
    from compress.runs.outputs import check_outside_images

    if "tensorboard" in watch:
        check_outside_images(watch["tensorboard"], settings)
    quiet = watch.pop("quiet", False)
    decided = decide(settings)
    with (
        asked_to_stop() as should_stop,
        watching(expected_work(decided), quiet=quiet) as progress,
        live_curves(path, decided, resumed=mode == "resume", note=progress.note, **watch) as curves,
        options.stdout_kept(settings.code),
    ):
        observer = Observers(progress, *curves)
        report = run_pipeline(settings, out=path, mode=mode, observer=observer, should_stop=should_stop)
        for curve in curves:
            curve.verdict(report)
    output.show(report, report_document, json=json)
    output.say(f"The pruned network is {path}/artifacts/pruned.onnx, the report {path}/report.md", quiet=quiet)
