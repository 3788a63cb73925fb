"""A document as one HTML file: offline, without scripts, light and dark, for screen and paper."""

import itertools
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from compress.report import figures
from compress.report.html.marks import draw_marks
from compress.report.sections import Document

OPEN_ROWS: Final = 16
"""Rows of a long table that are open; the rest is behind a line to click."""


def render_html(document: Document) -> str:
    """The whole document; the same document gives the same bytes, and names of users are escaped."""
    return _ENVIRONMENT.get_template("page.html").render(
        document=document, open_rows=OPEN_ROWS, number=itertools.count(1).__next__
    )


def _one_line(value: Any) -> Any:
    """Strings on one line, without characters that turn the text around them; markup as it is."""
    return figures.printable(value) if type(value) is str else value


def _typographic(cell: str) -> str:
    """A cell of numbers with a real minus sign, and a dash where there is no number."""
    return "\N{EN DASH}" if cell == "-" else cell.replace("-", "\N{MINUS SIGN}")


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("compress.report.html"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_one_line,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(plural=figures.plural, draw_marks=draw_marks)
_ENVIRONMENT.filters["typographic"] = _typographic
_ENVIRONMENT.filters["arrows"] = lambda text: text.replace("->", "\N{RIGHTWARDS ARROW}")
