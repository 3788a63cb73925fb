"""``compress report``: write and show a run's documents again, or print the schema of ``report.json``."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from compress.cli import options
from compress.errors import UsageError

Licence = Annotated[str | None, Option("--license", help="Licence for MODEL_CARD.md; it is kept for later reports.")]
Schema = Annotated[bool, Option("--schema", help="Print the JSON schema of report.json.")]


def report(
    path: Annotated[Path | None, Argument(metavar="RUN", help="Run folder; a report.json is only shown.")] = None,
    *,
    license_name: Licence = None,
    schema: Schema = False,
    json: options.Json = False,
) -> None:
    """Write report.md, report.html and MODEL_CARD.md of a run again from its report.json, and show the report.

    Example: compress report runs/first
    """
    from compress.report.model import Report
    from compress.report.store import document_schema, read_report

    if schema == (path is not None):
        raise UsageError("what should be shown? Give a run folder, or --schema")
    if path is None:
        typer.echo(document_schema(Report), nl=False)
        return
    if path.is_file():
        if license_name is not None:
            raise UsageError("--license is kept in a run folder: give the folder, not its report.json")
        document = read_report(path)
    else:
        from compress.report.documents import render_again

        document = render_again(path, licence=license_name)
    from compress.cli import output

    if json:
        typer.echo(document.model_dump_json(indent=2))
    else:
        from compress.report.run_sections import report_document
        from compress.report.terminal import render_terminal

        render_terminal(report_document(document), output.data_console())
    if path.is_dir():
        wrote = f"Wrote report.md, report.html and MODEL_CARD.md in {path}"
        output.message_console().print(wrote, markup=False, soft_wrap=True)
