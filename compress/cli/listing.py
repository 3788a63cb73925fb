"""``compress list``: names for flags, and the runs in a folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer import Argument, Option

from compress.cli import options, output

if TYPE_CHECKING:
    from compress.report.run_list import ListedRun

_RUNS: Final = Path("runs")  # where `compress run` puts them

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context) -> None:
    """List networks, data sets and methods by name, or the runs in a folder.

    Example: compress list archs
    """
    if context.invoked_subcommand is None:
        output.show_verbatim(context.get_help() + "\n")


@app.command()
def archs(
    timm: Annotated[bool, Option("--timm", help="Names of timm's networks instead; needs the extra \\[timm].")] = False,
    json: options.Json = False,
) -> None:
    """Networks for --arch.

    Example: compress list archs --json
    """
    rows: list[dict[str, Any]] = [{"name": name} for name in _timm_names()] if timm else _architectures()
    if json:
        output.print_json({"archs": rows})
        return
    if timm:
        output.show_lines(row["name"] for row in rows)
        return
    lines, family = [], ""
    for row in rows:
        heading = "" if row["family"] == family else row["family"]
        family, step = row["family"], row["image_size_multiple_of"]
        smallest = f"{row['min_image_size']}" + (f", by {step}" if step > 1 else "")
        sizes = (smallest, f"{row['small_image_size']}", f"{row['full_image_size']}")
        lines.append((heading, row["name"], f"{row['parameters'] / 1e6:.1f} M", *sizes))
    output.show_table(("Family", "Name"), lines, numbers=("Parameters", "Smallest", "Small sets", "Photos"))
    notes = (
        "Parameters with 1,000 classes and RGB images; sizes of images in pixels.",
        *(f"{alias} is {row['name']}." for row in rows for alias in row["aliases"]),
        "timm's networks are timm/NAME: compress list archs --timm. Your own: compress run --model.",
    )
    output.show_lines(notes, style="dim", wrapped=True)


@app.command()
def datasets(json: options.Json = False) -> None:
    """Data sets for --dataset; an image folder can be given by its path.

    Example: compress list datasets
    """
    from compress.data.load import DATASETS

    if json:
        shown = {"summary": "summary", "source": "source", "files": "places", "downloads": "downloads"}
        rows = [
            {"name": name} | {key: getattr(entry, attribute) for key, attribute in shown.items()}
            for name, entry in DATASETS.items()
        ]
        output.print_json({"datasets": rows})
        return
    lines = [(name, entry.summary, str(entry.places) or "bundled") for name, entry in DATASETS.items()]
    folder = ("PATH", "a folder with train/ and test/ or val/, or class folders alone; one folder a class", "")
    output.show_table(("Name", "What it is", "Files in --data-dir"), [*lines, folder])


@app.command()
def methods(json: options.Json = False) -> None:
    """Methods for --method: EDropout and its rivals.

    Example: compress list methods
    """
    from compress.settings.methods import METHODS

    rows = [{"name": name, "summary": card.summary, "source": card.source} for name, card in METHODS.items()]
    if json:
        output.print_json({"methods": rows})
    else:
        output.show_table(("Name", "What it keeps", "Source"), [tuple(row.values()) for row in rows])


@app.command()
def runs(
    folder: Annotated[Path | None, Argument(help="Folder that holds runs. (default: runs)")] = None,
    json: options.Json = False,
) -> None:
    """Runs in a folder: settings, progress and verdicts.

    Example: compress list runs
    """
    from compress.report.run_list import list_runs

    absent = folder is None and not _RUNS.exists()
    found = () if absent else list_runs(folder or _RUNS)
    if json:
        output.print_json({"runs": [run.model_dump(mode="json") for run in found]})
    elif found:
        _print_runs(found)
    else:
        output.say(f"no runs in {folder or _RUNS}: compress run makes one")


def _print_runs(runs: "tuple[ListedRun, ...]") -> None:
    """The table, then the problems of single runs."""
    lines = [
        (run.name, (run.started or "-")[:10], run.arch or "-", Path(run.dataset or "-").name, _verdict(run))
        for run in runs
    ]
    output.show_table(("Name", "Started", "Network", "Data", "Top-1, change, speed-up"), lines)
    output.show_lines((f"{run.name}: {run.problem}" for run in runs if run.problem), style="yellow")
    if any(run.state == "unfinished" for run in runs):
        output.show_lines(["Resume an unfinished run with compress run --resume FOLDER."], style="dim", wrapped=True)


def _verdict(run: "ListedRun") -> str:
    """The verdict of a run, or how far it came."""
    from compress.report import figures
    from compress.runs import STAGES

    if run.state == "failed":
        return f"failed after {len(run.stages)} of {len(STAGES)} stages, see below"
    if run.verdict is None:
        return "see below" if run.problem else f"{len(run.stages)} of {len(STAGES)} stages"
    verdict = run.verdict
    speedup = "" if verdict.speedup is None else f", {verdict.speedup.ratio:.2f}x"
    return f"{figures.hundredths(100 * verdict.top1)} %, {figures.signed(-verdict.points_lost)}{speedup}"


def _architectures() -> list[dict[str, Any]]:
    from models_zoo.zoo import ALIASES, ARCHITECTURES

    return [
        {
            "name": name,
            "family": architecture.family,
            "aliases": [alias for alias, target in ALIASES.items() if target == name],
            "parameters": architecture.parameters,
            "min_image_size": architecture.min_size,
            "image_size_multiple_of": architecture.multiple_of,
            "small_image_size": architecture.small_size,
            "full_image_size": architecture.full_size,
        }
        for name, architecture in ARCHITECTURES.items()
    ]


def _timm_names() -> Iterable[str]:
    from compress.errors import EnvironmentProblem
    from models_zoo import timm_models
    from models_zoo.architecture import MissingExtraError

    try:
        return timm_models.names()
    except MissingExtraError as error:
        raise EnvironmentProblem(str(error)) from None
