"""``compress list``: what can be named."""

from typing import Any

import typer
from rich.table import Table

from compress.cli import options, output

app = typer.Typer()


@app.callback(invoke_without_command=True)
def listing(context: typer.Context) -> None:
    """Networks and data sets that can be named.

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
