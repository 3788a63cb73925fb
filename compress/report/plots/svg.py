"""Matplotlib figures as inline SVG that follows the page's light or dark colours.

A figure is drawn in placeholder colours; in the SVG they become CSS variables (``var(--ink)``), so one drawing serves
both schemes and print. Text stays text: it can be selected, and the browser has the glyphs that matplotlib's font
lacks. The same figure gives the same bytes, whatever the date and the user's matplotlibrc.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.escaping import in_html, printable

INK: Final = "#010101"
MUTED: Final = "#020202"
LINE: Final = "#030303"
SERIES: Final = tuple(f"#0506{index:02x}" for index in range(10))

_VARIABLES: Final = {
    INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)},
}  # fmt: skip

_STYLE_SHEET: Final = Path(__file__).parent.parent / "html" / "templates" / "style.css"

WIDTH: Final = 420
_UNITS_PER_INCH: Final = 72  # of the SVG backend: one unit of the view box

_STYLE: Final[dict[Any, Any]] = {  # the names that matplotlib knows differ by version
    **dict.fromkeys(("axes.edgecolor", "grid.color", "xtick.color", "ytick.color"), LINE),
    **dict.fromkeys(("axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), MUTED),
    **dict.fromkeys(("text.color", "legend.labelcolor"), INK),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 0),
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be called "$5"
    "font.size": 12,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.8,
    "legend.handlelength": 1.4,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}


def series(index: int) -> str:
    """The colour of the n-th network or curve; they repeat after ten."""
    return SERIES[index % len(SERIES)]


@contextmanager
def new_figure(height: float, *, width: float = WIDTH) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one set of axes, drawn in matplotlib's own defaults and the page's look, which end with the block.

    ``height`` and ``width`` are in CSS pixels at full size (the page scales them down).
    """
    with mpl.rc_context(), warnings.catch_warnings():
        # The browser draws the text; matplotlib only measures it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        size = (width / _UNITS_PER_INCH, height / _UNITS_PER_INCH)
        figure = Figure(figsize=size, dpi=_UNITS_PER_INCH, layout="constrained")
        yield figure, figure.subplots()


def to_svg(figure: Figure, *, name: str, description: str) -> Markup:
    """The figure as an ``<svg>`` element; call it inside ``new_figure``.

    Ids start with ``name``, which is unique in the page; ``description`` is the text alternative.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    box = re.search(r'viewBox="([^"]*)"', text)
    assert box is not None  # matplotlib always writes one
    body = text[text.index(">", box.start()) + 1 : text.rindex("</svg>")]
    # The inner style element would hold for the whole page, whose own style sheet says the same of plots.
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<[^>]+>", lambda tag: _adapt(tag.group(), name), body)  # tags only: text is the user's
    head = f'<svg class="plot" viewBox="{box.group(1)}" role="img" aria-label="{in_html(description)}">'
    return Markup(f"{head}{body}</svg>")


def as_file(svg: str) -> str:
    """A drawing of ``to_svg`` as a file of its own, which other pages show as an image: light colours, on white."""
    light: dict[str, str] = {}
    for name, colour in re.findall(r"(--[\w-]+): (#\w+)", _STYLE_SHEET.read_text(encoding="utf-8")):
        light.setdefault(name, colour)  # the light scheme comes first
    tag, body = str(svg).split(">", 1)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    look = (
        "* { stroke-linejoin: round; stroke-linecap: butt } text { font-family: system-ui, sans-serif; "
        "paint-order: stroke; stroke: #ffffff; stroke-width: 3px }"
    )
    page = f'<style>{look}</style><rect width="100%" height="100%" fill="#ffffff"/>'
    body = re.sub(r"var\((--[\w-]+)\)", lambda found: light[found.group(1)], body)
    head = tag.replace('class="plot"', names)
    return f"{head}>{page}{body}\n"


def _adapt(tag: str, name: str) -> str:
    """One tag: ids that are the page's alone, the page's colours and its font."""
    if tag.startswith("<g "):
        tag = re.sub(r' id="[^"]*"', "", tag)
    tag = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r"#0[1-5][0-9a-f]{4}\b", lambda match: _VARIABLES.get(match.group(), match.group()), tag)
    tag = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", tag)
    return re.sub(r" font-family: [^;\"]*;?", "", tag)


def shorten(text: str, length: int = 22) -> str:
    """A user's name for a picture: printable, and cut in the middle where it is too long."""
    text = printable(text)
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"
