"""``compress list``: what can be named."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text
from typer import Argument

from compress.cli import options, output

if TYPE_CHECKING:
    from compress.report.run_list import ListedRun

_RUNS: Final = Path("runs")  # where `compress run` puts them

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context) -> None:
    """Networks and data sets that can be named, and runs that there are.

    Example: compress list archs
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def archs(json: options.Json = False) -> None:
    """Networks for --arch.

    Example: compress list archs --json
    """
    rows = _architectures()
    if json:
        output.print_json({"archs": rows})
        return
    table = Table("Name", "Also", box=None)
    for title in ("Parameters", "Images from", "Small sets"):
        table.add_column(title, justify="right")
    for row in rows:
        sizes = (f"{row['min_image_size']} px", f"{row['small_image_size']} px")
        table.add_row(row["name"], ", ".join(row["aliases"]), f"{row['parameters'] / 1e6:.1f} M", *sizes)
    console = output.data_console()
    console.print(table)
    console.print("Parameters with 1,000 classes and RGB images of 224 pixels.", style="dim")


@app.command()
def datasets(json: options.Json = False) -> None:
    """Data sets for --dataset; an image folder can be given by its path.

    Example: compress list datasets
    """
    from compress.data.load import DATASETS

    rows = [{"name": name, "summary": dataset.summary} for name, dataset in DATASETS.items()]
    if json:
        output.print_json({"datasets": rows})
        return
    table = Table("Name", "What it is", box=None)
    for row in rows:
        table.add_row(row["name"], row["summary"])
    table.add_row("PATH", "a folder with train/ and val/ or test/, one folder a class in each")
    output.data_console().print(table)


@app.command()
def runs(
    folder: Annotated[Path | None, Argument(help="Folder that holds runs. (default: runs)")] = None,
    json: options.Json = False,
) -> None:
    """Runs in a folder: what they are, how far they came, their verdicts.

    Example: compress list runs
    """
    from compress.report.run_list import list_runs

    absent = folder is None and not _RUNS.exists()
    found = () if absent else list_runs(folder or _RUNS)
    if json:
        output.print_json({"runs": [run.model_dump(mode="json") for run in found]})
        return
    if not found:
        output.talk_console().print(f"no runs in {folder or _RUNS}: compress run makes one", markup=False)
        return
    _print_runs(found)


def _print_runs(runs: "tuple[ListedRun, ...]") -> None:
    """The table, then what does not fit into it."""
    table = Table("Name", "Started", "Network", "Data", "Top-1, change, speed-up", box=None)
    for column in table.columns:
        column.overflow = "fold"
    for run in runs:
        started = "-" if run.started is None else run.started[:10]
        cells = (run.name, started, run.arch or "-", Path(run.dataset or "-").name, _verdict(run))
        table.add_row(*map(_one_line, cells))
    console = output.data_console()
    console.print(table)
    for run in runs:
        if run.problem:
            console.print(_one_line(f"{run.name}: {run.problem}"), style="yellow", soft_wrap=True)
    if any(run.state == "unfinished" for run in runs):
        console.print("An unfinished run goes on with compress run --resume FOLDER.", style="dim")


def _verdict(run: "ListedRun") -> str:
    """What became of a run, in words."""
    from compress.report import figures
    from compress.runs import STAGES

    if run.verdict is None:
        return "see below" if run.problem else f"{len(run.stages)} of {len(STAGES)} stages"
    verdict = run.verdict
    parts = [f"{figures.hundredths(100 * verdict.top1)} %", figures.signed(-verdict.points_lost)]
    if verdict.speedup is not None:
        parts.append(f"{verdict.speedup.ratio:.2f}x")
    return ", ".join(parts)


def _one_line(text: str) -> Text:
    from compress.report.figures import printable

    return Text(printable(text))


def _architectures() -> list[dict[str, Any]]:
    import torch

    from models_zoo.zoo import ALIASES, ARCHITECTURES, build_network

    rows = []
    for name, architecture in ARCHITECTURES.items():
        with torch.device("meta"):  # shapes without memory
            network = build_network(name, classes=1000)
        rows.append(
            {
                "name": name,
                "aliases": [alias for alias, target in ALIASES.items() if target == name],
                "parameters": sum(parameter.numel() for parameter in network.parameters()),
                "min_image_size": architecture.min_size,
                "small_image_size": architecture.small_size,
                "full_image_size": architecture.full_size,
            }
        )
    return rows
