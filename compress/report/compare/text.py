"""The comparison in a terminal: at most 80 columns, nothing cut."""

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from compress.report.compare.comparison import RunComparison
from compress.report.compare.tables import comparison_tables
from compress.report.figures import printable
from compress.report.tables import Table

_WIDTH = 80
_LEFT = ("", "name", "network", "weights", "data", "unlike", "run", "value", "over")


def render_comparison(comparison: RunComparison, console: Console) -> None:
    """Print the comparison; names of users are text, never markup."""
    width = min(_WIDTH, console.width)
    for number, table in enumerate(comparison_tables(comparison)):
        title = Text(("\n" if number else "") + printable(table.title), style="bold")
        console.print(title, width=width, overflow="fold")
        console.print(_rich_table(table), width=width)
    for note in comparison.notes:
        console.print(Text(f"note  {printable(note)}", style="yellow"), width=width, overflow="fold")


def _rich_table(table: Table) -> RichTable:
    rich_table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in table.columns:
        rich_table.add_column(Text(name), justify="left" if name in _LEFT else "right", overflow="fold")
    for row in table.rows:
        rich_table.add_row(*(Text(printable(cell)) for cell in row))
    return rich_table
