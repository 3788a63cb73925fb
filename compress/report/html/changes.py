"""A change of accuracy in words and in colour: a loss is negative, and is called one where its interval says so."""

from typing import Final, Literal

from compress.verify.accuracy import AccuracyDrop
from compress.verify.comparison import ClassDrop

Tone = Literal["good", "bad", "plain"]

_MINUS: Final = "\N{MINUS SIGN}"


def signed(points: float) -> str:
    """A difference with its sign: +0.50, \N{MINUS SIGN}1.25, 0.00."""
    text = f"{abs(points):.2f}"
    return text if float(text) == 0 else f"{_MINUS if points < 0 else '+'}{text}"


def drop_interval(drop: AccuracyDrop | ClassDrop) -> str:
    """The interval of a change in points: a loss is negative, as in ``signed``."""
    return f"{signed(-drop.high)} to {signed(-drop.low)}"


def drop_tone(drop: AccuracyDrop | ClassDrop) -> Tone:
    """Bad where a loss is shown, good where a gain is."""
    return "bad" if drop.low > 0 else "good" if drop.high < 0 else "plain"
