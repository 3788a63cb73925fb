"""Small drawings beside table rows: bars, and values with intervals on a common axis."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from compress.report.sections import Bars, Interval

_BAR: Final = Markup('<i class="bar-{number}" style="width:{width:.2f}%"></i>')
_INTERVAL: Final = Markup(
    '<svg class="interval {tone}" aria-hidden="true">'
    '<line class="zero" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="100%"/>'
    '<line class="span" x1="{low:.2f}%" x2="{high:.2f}%" y1="50%" y2="50%"/>'
    '<circle cx="{value:.2f}%" cy="50%" r="4.5"/></svg>'
)


def draw_marks(marks: Sequence[Bars | Interval]) -> list[Markup]:
    """The marks of a table, all on the same scale."""
    longest = max((value for mark in marks if isinstance(mark, Bars) for value in mark.values), default=0) or 1
    intervals = [mark for mark in marks if isinstance(mark, Interval)]
    left = min((mark.low for mark in intervals), default=0)
    right = max((mark.high for mark in intervals), default=0)
    left, right = min(left, 0) - 0.5, max(right, 0) + 0.5

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
