"""``compress race``: methods, budgets and seeds under equal conditions, in one table and one plot."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Option

from compress.cli import options, output
from compress.cli.options import Given, flags_of, with_flags
from compress.errors import CheckFailedError
from compress.race.cells import PANEL, RaceSettings
from compress.settings.config import RunConfig, build
from compress.settings.target import TARGET

if TYPE_CHECKING:
    from compress.observer import Observer
    from compress.report.race.model import RaceReport

NOT_OF_CELLS: Final = ("method", "plan", "keep_macs", "keep_params", "seed", "preset", *TARGET)
Out = Annotated[
    Path | None, Option(help="Folder of the race. (default: races/<arch>-<dataset>)", rich_help_panel=PANEL)
]
Schema = Annotated[bool, Option("--schema", help="Print the JSON schema of race.json, and stop.")]


@with_flags(grid=flags_of(RaceSettings), settings=flags_of(RunConfig, without=NOT_OF_CELLS))
def race(
    *,
    grid: Given,
    settings: Given,
    out: Out = None,
    config: options.Config = None,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    schema: Schema = False,
) -> None:
    """Race methods against each other: same units, budget, epochs, seeds and verdict; every cell is a run folder.

    The same command again resumes the race.

    Example: compress race --arch squeezenet --keep-macs 0.5,0.25 --methods edropout,l1,scratch --seeds 2

    Both kinds of budget: compress race --arch squeezenet --keep-macs 0.5 --target-speedup 1.6 --methods edropout
    """
    if schema:
        from compress.report.model import document_schema
        from compress.report.race.model import RaceReport

        output.show_verbatim(document_schema(RaceReport))
        return
    from compress.runs.folder import label

    base = options.merge_settings(settings, config)
    wanted = build(RaceSettings, {"base": base} | grid)
    folder = out or Path("races") / label(base)
    if dry_run:
        _show_plan(wanted, folder, json=json)
        return
    report = _execute(wanted, folder, quiet=quiet)
    from compress.report.race.document import race_document

    output.show(report, race_document, json=json)
    output.say(f"The race is in {folder}: race.html, race.md, race.json, accuracy-latency.svg", quiet=quiet)
    failed = [f"{cell.folder}: {cell.reason}" for cell in report.cells if cell.outcome == "failed"]
    if failed:  # stdout has the report, which contains them
        output.say("Error: cells failed; all others are in the table:\n  " + "\n  ".join(failed))
        raise typer.Exit(CheckFailedError.exit_code)


def _show_plan(race: RaceSettings, folder: Path, *, json: bool) -> None:
    from compress.race.folders import check_folder
    from compress.race.plan import plan_race

    check_folder(race, folder)
    with options.stdout_kept(race.base.code):
        plan = plan_race(race, folder=folder)
    output.show_plan(plan, json=json)


def _execute(race: RaceSettings, folder: Path, *, quiet: bool) -> "RaceReport":
    from compress.cli.interrupts import asked_to_stop
    from compress.cli.progress import watching
    from compress.race.runner import Watch, run_race

    @contextmanager
    def cell(title: str, work: Mapping[str, float]) -> Iterator["Observer"]:
        output.say(title[:1].upper() + title[1:], quiet=quiet)
        with watching(work, quiet=quiet) as observer:
            yield observer

    def note(text: str) -> None:
        output.say(f"Note: {text}", quiet=quiet)

    with asked_to_stop() as should_stop, options.stdout_kept(race.base.code):
        return run_race(race, folder=folder, watch=Watch(cell, note, should_stop))
