"""The race as Markdown and in a terminal."""

from rich.console import Console
from rich.text import Text

from compress.report.escaping import escape
from compress.report.figures import printable
from compress.report.race.model import RaceReport
from compress.report.race.tables import race_table
from compress.report.race.words import headlines, notes
from compress.report.run_markdown import table_lines
from compress.report.run_tables import machine_words
from compress.report.terminal import WIDTH, terminal_table


def render_race_markdown(report: RaceReport) -> str:
    """The whole race as one Markdown document."""
    lines = [
        f"# {escape(report.name)}",
        "",
        *(f"- **{escape(line)}**" for line in headlines(report)),
        "",
        *table_lines(race_table(report)),
        *(f"- {escape(note)}" for note in notes(report)),
        f"- {escape(f'Measured on {machine_words(report)}.')}",
        "",
        escape(f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}."),
    ]
    return "\n".join(lines) + "\n"


def render_race(report: RaceReport, console: Console) -> None:
    """Print the race; names of users are text, never markup."""
    width = min(WIDTH, console.width)
    for line in headlines(report):
        console.print(Text(printable(line), style="bold"), width=width, overflow="fold")
    table = race_table(report)
    console.print(Text(f"\n{printable(table.title)}"), width=width, overflow="fold")
    console.print(terminal_table(table), width=width)
    for note in notes(report):
        console.print(Text(f"note  {printable(note)}", style="yellow"), width=width, overflow="fold")
