"""A document in a terminal: at most 80 columns, nothing cut, names are text and never markup."""

import io
from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from compress.escaping import printable
from compress.report.sections import Document, Section, Statements, Table

WIDTH: Final = 80
_LABEL_WIDTH: Final = len("no difference")
_STYLES: Final = {
    "FAILED": "bold red", "passed": "green", "gained": "green", "lost": "red", "no difference shown": "blue",
    "also": "cyan", "note": "yellow",
}  # fmt: skip


def render_terminal(document: Document, console: Console) -> None:
    """Print the title, the headlines, and every section that is no detail."""
    width = min(WIDTH, console.width)
    for line in (document.title, *document.headlines):
        console.print(_text(line, "bold"), width=width, overflow="fold")
    for section in document.shown:
        for part in () if section.detail else _parts(section):
            console.print(part, width=width, overflow="fold", highlight=False)


def render_text(document: Document) -> str:
    """The same as plain text."""
    text = io.StringIO()
    plain = Console(file=text, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    render_terminal(document, plain)  # rich would show it in a notebook, and return nothing
    return text.getvalue()


def _parts(section: Section) -> Iterator[RenderableType]:
    if section.statements:
        yield _statement_grid(section.statements)
    gap = "" if section.statements else "\n"
    for text in section.texts:
        yield _text(text, "dim", above=gap)
    for table in section.tables:
        if table.rows:
            note = f" ({table.note})" if table.note else ""
            yield _text(table.heading(table.short), "bold", above="\n").append(_text(note))
            yield _rich_table(table)


def _rich_table(table: Table) -> RichTable:
    """The table for rich; cells that are too wide are wrapped."""
    rich_table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_header=table.has_header)
    shown = [number for number, name in enumerate(table.columns) if name not in table.detail_columns]
    for number in shown:
        justify = "left" if table.is_left(number) else "right"
        rich_table.add_column(_text(table.columns[number]), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in table.rows[: table.short]:
        rich_table.add_row(*(_text(row[number]) for number in shown))
    return rich_table


def _statement_grid(statements: tuple[Statements, ...]) -> RichTable:
    columns = Column(max_width=_LABEL_WIDTH), Column(overflow="fold")
    grid = RichTable.grid(*columns, padding=(0, 2))
    for part in statements:
        for number, sentence in enumerate(part.sentences):
            grid.add_row(_text("" if number else part.label, _STYLES.get(part.label, "")), _text(sentence))
    return grid


def _text(text: str, style: str = "", *, above: str = "") -> Text:
    """Text of users: shown as it is, without control characters; below the line break ``above``."""
    return Text(above + printable(text), style=style)
