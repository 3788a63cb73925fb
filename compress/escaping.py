r"""Text from files and users, made safe for where it is shown: one function each for a terminal, Markdown, HTML, JSON.

Each shows a character that is not printable as Python writes it in a string, ``\x1b``: a terminal obeys control
characters, and others are invisible or turn the text around them.
"""

import html
import json
import re
import unicodedata
from typing import Final

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<|&~])")
# What GitHub makes something of without any markup: formulas, mentions, issues, addresses.
_ACTIVE: Final = re.compile(
    r"[$@#]|(?<=\bwww)\.|((?<=\bhttp)|(?<=\bhttps)|(?<=\bftp)|(?<=\bmailto)|(?<=\bxmpp)):", re.IGNORECASE
)
_LINE_START: Final = re.compile(r"^(\d*)([-+=>.):])")
"""A line that begins so may be a list, a quote, a heading or a rule."""


def printable(text: str) -> str:
    """A text on one line, of characters that can be seen."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def printable_lines(text: str) -> str:
    """A text of several lines. Those after the first are indented: a name cannot add a line that looks like ours."""
    first, *others = map(printable, text.split("\n"))
    return "\n".join([first, *(line if line.startswith(" ") or not line else f"  {line}" for line in others)])


def in_markdown(text: str) -> str:
    """A text inside a line of Markdown: shown as it is, never a link, a mention, a formula or a tag."""
    return _without_links(_SPECIAL.sub(r"\\\1", printable(text)))


def as_markdown_line(text: str) -> str:
    """A line of its own that begins with the text: no list, quote, heading or block of code."""
    return _LINE_START.sub(lambda start: f"{start.group(1)}&#{ord(start.group(2))};", in_markdown(text.strip()))


def as_markdown_code(text: str) -> str:
    """A text as code inside a line of Markdown, with a fence longer than any in it."""
    text = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def in_html(text: str) -> str:
    """A text in HTML or SVG, between tags or in an attribute's quotes."""
    return html.escape(printable(text))


def in_html_of_markdown(text: str) -> str:
    """A text inside a tag of HTML that is part of a Markdown file, where a backslash is only text."""
    return _without_links(html.escape(printable(text), quote=False))


def in_json(text: str) -> str:
    """JSON with the same content, whose characters can all be seen and encoded."""
    return "\n".join(line if line.isprintable() else "".join(map(_in_json_string, line)) for line in text.split("\n"))


def _visible(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "  # such as the wide space of Japanese text
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"  # a byte of a file name that is not UTF-8
    return character.encode("unicode_escape").decode()


def _in_json_string(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _without_links(text: str) -> str:
    """Text whose active characters are entities, which Markdown never reads as markup."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match.group())};", text)
