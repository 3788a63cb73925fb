"""What every report is: sections of sentences, tables and plots, without any markup.

Run, compare and race each build a ``Document``; ``terminal.py``, ``markdown.py`` and ``html`` render it.
Names of users are not escaped here: the renderers do that.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Tone = Literal["good", "bad", "plain"]
"""The colour of a change: better, worse, or neither."""

Item = TypeVar("Item")
Column = tuple[str, Callable[[Item], object]]
"""A column's name, and its value for one item."""


@dataclass(frozen=True)
class Bars:
    """Bars beside a table row in HTML, before and after, on the scale of the table's longest."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Interval:
    """A value with its interval, drawn beside a table row in HTML on an axis that all rows of the table share."""

    low: float
    value: float
    high: float
    tone: Tone


@dataclass(frozen=True)
class Table:
    """A table of plain strings; its columns have no names if it is a list of names and values.

    Columns of ``words`` are aligned left, as the first one is; all others hold numbers. The terminal leaves out
    ``detail_columns`` and shows ``short`` rows (``None``: all); Markdown and HTML show ``long``. HTML alone has
    ``marks``, bars or intervals, and ``series``, the colour number of the network in the plots: one a row, or none.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: frozenset[str] = frozenset()
    detail_columns: frozenset[str] = frozenset()
    short: int | None = None
    long: int | None = None
    marks: tuple[Bars | Interval, ...] = ()
    series: tuple[int, ...] = ()

    def is_left(self, number: int) -> bool:
        """Whether a column, counted from 0, is aligned left."""
        return number == 0 or self.columns[number] in self.words

    @property
    def has_header(self) -> bool:
        """Whether the columns have names; a table without them is a list of names and values."""
        return any(self.columns)

    def heading(self, shown: int | None) -> str:
        """The title, with the number of rows where not all are shown."""
        return self.title if shown is None or shown >= len(self.rows) else f"{self.title}, {shown} of {len(self.rows)}"


def table_of(title: str, items: Iterable[Item], columns: Sequence[Column[Item]], **options: Any) -> Table:
    """A table with a row for each item; ``options`` are fields of ``Table``.

    Whole numbers get commas between the thousands, ``None`` is a dash; a column without any value is left out.
    """
    rows = [[value_of(item) for _name, value_of in columns] for item in items]
    used = [place for place in range(len(columns)) if not rows or any(row[place] is not None for row in rows)]
    cells = tuple(tuple(_cell(row[place]) for place in used) for row in rows)
    return Table(title, tuple(columns[place][0] for place in used), cells, **options)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Plot:
    """A plot, shown in HTML only: ``draw`` makes the SVG of a name that is unique in the page, and the description."""

    title: str
    description: str
    draw: Callable[..., str]
    caption: str = ""


@dataclass(frozen=True)
class Statements:
    """Sentences of a kind: "FAILED", "passed", "gained", "lost", "no difference shown", "also" or "note"."""

    label: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """A key number at the top of the HTML page."""

    name: str
    value: str
    unit: str
    change: str
    interval: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Image:
    """A test image with its class, the answer that changed, and its number."""

    png: str
    truth: str
    answer: str
    index: int


@dataclass(frozen=True)
class Gallery:
    """Test images under a heading, shown in HTML only."""

    title: str
    images: tuple[Image, ...]


@dataclass(frozen=True)
class Section:
    """A part of a document. An empty section, or an empty table in it, is not shown.

    Tiles, plots and galleries are for HTML alone; ``plot_note`` is how to read all of the plots. Markdown and HTML fold
    the ``folded`` tables, and Markdown all of a ``detail`` section; the terminal shows neither. Markdown shows the
    ``picture``, an SVG file beside the document.
    """

    title: str
    texts: tuple[str, ...] = ()
    statements: tuple[Statements, ...] = ()
    tiles: tuple[Tile, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    plot_note: str = ""
    galleries: tuple[Gallery, ...] = ()
    picture: str = ""
    detail: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        shown = [*self.texts, *self.statements, *self.tiles, *self.plots, *self.galleries]
        return not shown and not any(table.rows for table in (*self.tables, *self.folded))


@dataclass(frozen=True)
class Document:
    """A whole report, made by the ``command`` "report", "compare" or "race"; ``name`` is that of a run."""

    command: str
    title: str
    headlines: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: str
    name: str = ""

    @property
    def shown(self) -> tuple[Section, ...]:
        """The sections that are not empty."""
        return tuple(section for section in self.sections if not section.is_empty)
