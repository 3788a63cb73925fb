"""A change of accuracy in words and in colour: a loss is negative, and is called one where its interval says so."""

from typing import Final, Literal

from compress.report import figures
from compress.report.outcomes import Outcome, drop_outcome
from compress.report.results import AccuracyDrop, ClassDrop

Tone = Literal["good", "bad", "plain"]

TONES: Final[dict[Outcome, Tone]] = {"gained": "good", "lost": "bad", "same": "plain"}
"""An outcome's colour."""

_MINUS: Final = "\N{MINUS SIGN}"


def signed(points: float) -> str:
    """A difference with its sign: +0.50, \N{MINUS SIGN}1.25, 0.00."""
    return figures.signed(points).replace("-", _MINUS)


def drop_interval(drop: AccuracyDrop | ClassDrop) -> str:
    """The interval of a change in points: a loss is negative, as in ``signed``."""
    return figures.signed_span(-drop.high, -drop.low).replace("-", _MINUS)


def drop_tone(drop: AccuracyDrop | ClassDrop) -> Tone:
    """Bad where a loss is shown, good where a gain is."""
    return TONES[drop_outcome(drop)]
