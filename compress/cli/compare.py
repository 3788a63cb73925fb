"""``compress compare``: several runs in one table, with the best trade-offs marked."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from compress.cli import options, output
from compress.errors import UsageError

Runs = Annotated[list[Path], Argument(help="Run folders or report.json files, two or more.")]
Html = Annotated[Path | None, Option(help="Write a page with the Pareto fronts.")]
Force = Annotated[bool, Option("--force", help="Compare runs that were measured differently; their rows are marked.")]


def compare(runs: Runs, *, html: Html = None, force: Force = False, json: options.Json = False) -> None:
    """Put the networks of several runs side by side, if they were measured in the same way.

    Example: compress compare runs/half runs/third --html compare.html
    """
    from compress.report.compare.assemble import compare_reports
    from compress.report.compare.document import comparison_document
    from compress.report.compare.sources import read_sources

    if html is not None and html.suffix.lower() not in (".html", ".htm"):  # a report.json is soon lost
        raise UsageError(f"expected a file name that ends in .html for --html, got {html}")
    if html is not None:
        from compress.runs.outputs import check_replaceable

        check_replaceable(html, inputs=runs)
    comparison = compare_reports(read_sources(runs), force=force)
    if html is not None:
        from compress.report.html import render_html

        _write(html, render_html(comparison_document(comparison)))
    if json:
        output.print_json(comparison.model_dump(mode="json"))
    else:
        output.show(comparison, comparison_document, json=False)


def _write(path: Path, text: str) -> None:
    from compress.atomic import write_atomically

    try:
        write_atomically(path, text.encode())
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; choose another file for --html") from error
    output.say(f"wrote {path}")
