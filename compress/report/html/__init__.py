"""A document as one HTML file: offline, without scripts, light and dark, for screen and paper (only here: jinja2)."""

import itertools
from collections.abc import Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compress.escaping import printable
from compress.report import figures
from compress.report.sections import Bars, Document, Interval

OPEN_ROWS: Final = 16  # of a long table; the rest is behind a line to click
_BAR: Final = Markup('<i class="bar-{number}" style="width:{width:.2f}%"></i>')
_INTERVAL: Final = Markup(
    '<svg class="interval {tone}" aria-hidden="true">'
    '<line class="zero" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="100%"/>'
    '<line class="span" x1="{low:.2f}%" x2="{high:.2f}%" y1="50%" y2="50%"/>'
    '<circle cx="{value:.2f}%" cy="50%" r="4.5"/></svg>'
)


def render_html(document: Document) -> str:
    """The whole document; the same document gives the same bytes, and names of users are escaped."""
    return _ENVIRONMENT.get_template("page.html").render(
        document=document, open_rows=OPEN_ROWS, number=itertools.count(1).__next__
    )


def _one_line(value: Any) -> Any:
    """Strings on one line, without characters that turn the text around them; markup as it is."""
    return printable(value) if type(value) is str else value


def _typographic(cell: str) -> str:
    """A cell of numbers with a real minus sign, and a dash where there is no number."""
    return "\N{EN DASH}" if cell == "-" else cell.replace("-", "\N{MINUS SIGN}")


def draw_marks(marks: Sequence[Bars | Interval]) -> list[Markup]:
    """The drawings beside the rows of a table, all on the same scale: bars, or values with intervals."""
    longest = max((value for mark in marks if isinstance(mark, Bars) for value in mark.values), default=0) or 1
    ends = [end for mark in marks if isinstance(mark, Interval) for end in (mark.low, mark.high)]
    left, right = min([0, *ends]) - 0.5, max([0, *ends]) + 0.5

    def place(value: float) -> float:
        """Percent of the drawing's width."""
        return 3 + 94 * (value - left) / (right - left)

    def draw(mark: Bars | Interval) -> Markup:
        if isinstance(mark, Bars):
            bars = (_BAR.format(number=number, width=100 * value / longest) for number, value in enumerate(mark.values))
            return Markup('<span class="bars" aria-hidden="true">{}</span>').format(Markup("").join(bars))
        return _INTERVAL.format(
            tone=mark.tone, zero=place(0), low=place(mark.low), high=place(mark.high), value=place(mark.value)
        )

    return [draw(mark) for mark in marks]


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
