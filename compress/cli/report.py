"""``compress report``: write and show a run's documents again, or print the schema of ``report.json``."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from compress.cli import options, output
from compress.errors import UsageError

Run = Annotated[Path | None, Argument(metavar="RUN", help="Run folder; a report.json is only shown.")]
Licence = Annotated[str | None, Option("--license", help="Licence for MODEL_CARD.md; it is kept for later reports.")]
Device = Annotated[
    Path | None,
    Option(help="device-report.json, from a kit (see `compress kit`); a run folder keeps it for later reports."),
]
Schema = Annotated[bool, Option("--schema", help="Print the JSON schema of report.json.")]


def report(
    path: Run = None,
    *,
    device: Device = None,
    license_name: Licence = None,
    schema: Schema = False,
    json: options.Json = False,
) -> None:
    """Write report.md, report.html and MODEL_CARD.md of a run again from its report.json, and show the report.

    Example: compress report runs/first

    Example: compress report runs/first --device device-report.json
    """
    from compress.report.devices.read import read_device_report, with_device
    from compress.report.documents import render_again, report_document
    from compress.report.model import Report, document_schema, read_report

    if schema == (path is not None):
        raise UsageError("expected a run folder, or --schema")
    if path is None:
        output.show_verbatim(document_schema(Report))
        return
    if path.is_file() and license_name is not None:
        raise UsageError("--license is kept in a run folder: give the folder, not its report.json")
    if path.is_file():
        document = read_report(path)
        if device is not None:
            document = with_device(document, read_device_report(device), source=device)
    else:
        document = render_again(path, licence=license_name, device=device)
    output.show(document, report_document, json=json)
    if path.is_dir():
        output.say(f"Wrote report.md, report.html and MODEL_CARD.md in {path}")
