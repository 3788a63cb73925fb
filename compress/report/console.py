"""A table in a terminal: at most 80 columns, nothing cut, names are text."""

from typing import Final, Literal

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from compress.report.figures import printable
from compress.report.tables import Table

WIDTH: Final = 80


def terminal_table(table: Table) -> RichTable:
    """The table for rich; what does not fit is folded."""
    rich_table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(table.columns):
        justify: Literal["left", "right"] = "left" if table.is_left(number) else "right"
        rich_table.add_column(Text(printable(name)), justify=justify, overflow="fold")
    for row in table.rows:
        rich_table.add_row(*(Text(printable(cell)) for cell in row))
    return rich_table
