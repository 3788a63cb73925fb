"""``compress race``: methods, budgets and seeds under equal conditions, in one table and one plot."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Option

from compress.cli import options
from compress.cli.options import Given, flags_of, with_flags
from compress.errors import CheckFailedError
from compress.settings.config import RunConfig, build
from compress.settings.presets import KEEP_MACS
from compress.settings.race import RACE, RaceGrid

if TYPE_CHECKING:
    from compress.observer import Observer
    from compress.race.cells import RaceSettings
    from compress.report.race.model import RaceReport

OF_THE_RACE: Final = ("method", "plan", "keep_macs", "keep_params", "seed", "preset")
Out = Annotated[Path | None, Option(help="Folder of the race. (default: races/<arch>-<dataset>)", rich_help_panel=RACE)]
Schema = Annotated[bool, Option("--schema", help="Print the JSON schema of race.json, and stop.")]


@with_flags(grid=flags_of(RaceGrid), settings=flags_of(RunConfig, without=OF_THE_RACE))
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
    """
    from compress.cli import output

    if schema:
        _show_schema()
        return
    wanted = _race_settings(grid, settings, config)
    folder = out or _default_folder(wanted)
    if dry_run:
        _show_plan(wanted, folder, json=json)
        return
    report = _execute(wanted, folder, quiet=quiet)
    if json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        from compress.report.race.document import race_document
        from compress.report.terminal import render_terminal

        render_terminal(race_document(report), output.data_console())
    if not quiet:
        where = f"The race is in {folder}: race.html, race.md, race.json"
        output.message_console().print(where, markup=False, soft_wrap=True)
    failed = [f"{cell.folder}: {cell.reason}" for cell in report.cells if cell.outcome == "failed"]
    if failed:  # stdout has the report, which contains them
        sys.stderr.write("Error: cells failed; all others are in the table:\n  " + "\n  ".join(failed) + "\n")
        raise typer.Exit(CheckFailedError.exit_code)


def _show_schema() -> None:
    from compress.report.race.model import RaceReport
    from compress.report.store import document_schema

    typer.echo(document_schema(RaceReport), nl=False)


def _race_settings(given: Given, settings: Given, config: Path | None) -> "RaceSettings":
    from compress.race.cells import RaceSettings

    grid = build(RaceGrid, given)
    base = options.merge_settings(settings, config)
    budgets = grid.budgets or (base.keep_macs or KEEP_MACS,)
    return RaceSettings(base, grid.methods, budgets, grid.seeds, grid.full_latency)


def _default_folder(race: "RaceSettings") -> Path:
    from compress.runs.folder import label

    return Path("races") / label(race.base)


def _show_plan(race: "RaceSettings", folder: Path, *, json: bool) -> None:
    from compress.cli.output import print_json
    from compress.race.folders import check_folder
    from compress.race.plan import plan_race

    check_folder(race, folder)
    with options.stdout_kept(race.base.code):
        plan = plan_race(race, folder=folder)
    if json:
        print_json({"plan": plan.as_dict()})
    else:
        typer.echo("\n".join(plan.lines()))


def _execute(race: "RaceSettings", folder: Path, *, quiet: bool) -> "RaceReport":
    from compress.cli import output
    from compress.cli.interrupts import asked_to_stop
    from compress.cli.progress import watching
    from compress.race.runner import Watch, run_race

    talk = output.message_console()

    @contextmanager
    def cell(title: str, work: Mapping[str, float]) -> Iterator["Observer"]:
        if not quiet:
            talk.print(title[:1].upper() + title[1:], markup=False, soft_wrap=True)
        with watching(talk, work, quiet=quiet) as observer:
            yield observer

    def note(text: str) -> None:
        if not quiet:
            talk.print(f"Note: {text}", markup=False, soft_wrap=True)

    with asked_to_stop() as should_stop, options.stdout_kept(race.base.code):
        return run_race(race, folder=folder, watch=Watch(cell, note, should_stop))
