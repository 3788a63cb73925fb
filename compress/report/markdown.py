"""A document as Markdown for a pull request: main tables open, the rest folded.

Text of users is escaped: it is shown as it is and never becomes a link, a mention or a list.
"""

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

from compress.report.figures import printable
from compress.report.sections import Document, Section, Table

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<|&~])")
# What GitHub makes something of without any markup: formulas, mentions, issues, addresses.
_ACTIVE: Final = re.compile(
    r"[$@#]|(?<=\bwww)\.|((?<=\bhttp)|(?<=\bhttps)|(?<=\bftp)|(?<=\bmailto)|(?<=\bxmpp)):", re.IGNORECASE
)
_LINE_START: Final = re.compile(r"^(\d*)([-+=>.):])")
"""A line that begins so may be a list, a quote, a heading or a rule."""


def render_markdown(document: Document) -> str:
    """The whole document; plots and images are left out."""
    return join_blocks(
        [
            f"# {escape(document.title)}",
            escape_line(document.name),
            *(f"**{escape(headline)}**" for headline in document.headlines),
            *(block for section in document.shown for block in section_blocks(section)),
            escape_line(document.footer),
        ]
    )


def join_blocks(blocks: Iterable[str]) -> str:
    """Blocks of Markdown with blank lines between them; empty ones are left out."""
    return "\n\n".join(filter(None, blocks)) + "\n"


def section_blocks(section: Section) -> Iterator[str]:
    """A section under its title; details, and tables of which the terminal shows a part, are folded."""
    tables = [table for table in section.tables if table.rows]
    opened = [table for table in tables if section.detail or table.short is None]
    folded = [table for table in (*tables, *section.folded) if table.rows and table not in opened]
    labelled = [
        f"- {f'**{part.label}**' if part.label.isupper() else part.label.capitalize()}: {escape(sentence)}"
        for part in section.statements
        for sentence in part.sentences
    ]
    picture = f"![{escape(section.title)}]({section.picture})" if section.picture else ""
    content = [picture, "\n".join(labelled), *map(escape_line, section.texts), *map(table_block, opened)]
    behind = list(map(table_block, folded))
    if section.detail:
        yield from _folded(section.title, [*content, *behind])
    else:
        yield from (f"## {escape(section.title)}", *content)
        yield from _folded("; ".join(table.heading(table.long) for table in folded), behind)


def table_block(table: Table) -> str:
    """A table under its title; empty where it has no rows."""
    if not table.rows:
        return ""
    sides = [":---" if table.is_left(number) else "---:" for number in range(len(table.columns))]
    lines = [_row(table.columns), f"|{'|'.join(sides)}|", *map(_row, table.rows[: table.long])]
    note = f"{escape_line(table.note[0].upper() + table.note[1:])}.\n\n" if table.note else ""
    return f"### {escape(table.heading(table.long))}\n\n{note}" + "\n".join(lines)


def escape(text: str) -> str:
    """A user's text inside a line."""
    return _without_links(_SPECIAL.sub(r"\\\1", printable(text)))


def escape_line(text: str) -> str:
    """A line of its own that begins with a user's text: no list, quote, heading or block of code."""
    return _LINE_START.sub(lambda start: f"{start.group(1)}&#{ord(start.group(2))};", escape(text.strip()))


def code(text: str) -> str:
    """A user's text as code inside a line, with a fence longer than any in it."""
    text = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _without_links(text: str) -> str:
    """Text whose active characters are entities, which Markdown never reads as markup."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match.group())};", text)


def _folded(summary: str, blocks: list[str]) -> Iterator[str]:
    """Blocks behind a line to click; the blank lines make Markdown of what is inside."""
    if any(blocks):
        text = _without_links(html.escape(printable(summary), quote=False))  # inside a tag, a backslash is only text
        yield from (f"<details><summary>{text}</summary>", *blocks, "</details>")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell).strip() for cell in cells) + " |"
