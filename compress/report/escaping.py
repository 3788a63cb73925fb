"""Escapes text of users for Markdown: it is shown as it is and never becomes a link, a mention or a list."""

import re
from typing import Final

from compress.report.figures import printable

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<|&~])")
# What GitHub makes something of without any markup: formulas, mentions, issues, addresses.
_ACTIVE: Final = re.compile(r"[$@#]")
_ADDRESS: Final = re.compile(r"\b(https?|ftp|mailto|xmpp):", re.IGNORECASE)
_WWW: Final = re.compile(r"\b(www)\.", re.IGNORECASE)
_LINE_START: Final = re.compile(r"^(\d*)[-+=>.):]")
"""A line that begins so may be a list, a quote, a heading or a rule."""


def escape(text: str) -> str:
    """A user's text inside a line."""
    text = _SPECIAL.sub(r"\\\1", printable(text))
    text = _ACTIVE.sub(_entity, text)
    return _WWW.sub(r"\1&#46;", _ADDRESS.sub(r"\1&#58;", text))


def escape_line(text: str) -> str:
    """A line of its own that begins with a user's text: no list, quote, heading or block of code."""
    return _LINE_START.sub(lambda start: start.group(1) + _entity(start), escape(text.strip()))


def _entity(match: re.Match[str]) -> str:
    """The last character of a match as an entity, which no Markdown reads as its own."""
    return f"&#{ord(match.group()[-1])};"


def code(text: str) -> str:
    """A user's text as code inside a line, with a fence longer than any in it."""
    text = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
