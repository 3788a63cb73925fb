"""The comparison in a terminal: at most 80 columns, nothing cut."""

from rich.console import Console
from rich.text import Text

from compress.report.compare.comparison import RunComparison
from compress.report.compare.tables import comparison_tables
from compress.report.figures import printable
from compress.report.terminal import WIDTH, terminal_table


def render_comparison(comparison: RunComparison, console: Console) -> None:
    """Print the comparison; names of users are text, never markup."""
    width = min(WIDTH, console.width)
    for number, table in enumerate(comparison_tables(comparison)):
        title = Text(("\n" if number else "") + printable(table.title), style="bold")
        console.print(title, width=width, overflow="fold")
        console.print(terminal_table(table), width=width)
    for note in comparison.notes:
        console.print(Text(f"note  {printable(note)}", style="yellow"), width=width, overflow="fold")
