"""A document as Markdown for a pull request: main tables open, the rest folded, names escaped."""

import itertools
from collections.abc import Iterator

from compress.report.escaping import escape, escape_line
from compress.report.sections import Document, Section, Table


def render_markdown(document: Document) -> str:
    """The whole document; plots and images are left out."""
    lines = [
        f"# {escape(document.title)}",
        "",
        *([escape_line(document.name), ""] if document.name else []),
        *(line for headline in document.headlines for line in (f"**{escape(headline)}**", "")),
        *(line for section in document.shown for line in section_lines(section)),
        escape_line(document.footer),
    ]
    return "\n".join(lines) + "\n"


def section_lines(section: Section) -> Iterator[str]:
    """A section under its title; details, and tables of which the terminal shows a part, are folded."""
    is_open = [section.detail or table.short is None for table in section.tables]
    shown = list(itertools.compress(section.tables, is_open))
    folded = [table for table in (*section.tables, *section.folded) if table.rows and table not in shown]
    content = [*_text_lines(section), *(line for table in shown for line in table_lines(table))]
    behind = [line for table in folded for line in table_lines(table)]
    if section.detail:
        yield from _folded(section.title, [*content, *behind])
        return
    yield from (f"## {escape(section.title)}", "", *content)
    yield from _folded("; ".join(table.heading(table.long) for table in folded), behind)


def table_lines(table: Table) -> Iterator[str]:
    """A table under its title; nothing where it has no rows."""
    if not table.rows:
        return
    yield from (f"### {escape(table.heading(table.long))}", "")
    if table.note:
        yield from (f"{escape_line(table.note[0].upper() + table.note[1:])}.", "")
    yield _row(table.columns)
    sides = [":---" if table.is_left(number) else "---:" for number in range(len(table.columns))]
    yield f"|{'|'.join(sides)}|"
    yield from map(_row, table.rows[: table.long])
    yield ""


def _text_lines(section: Section) -> Iterator[str]:
    for part in section.statements:
        label = f"**{part.label}**" if part.label.isupper() else part.label.capitalize()
        yield from (f"- {label}: {escape(sentence)}" for sentence in part.sentences)
    if section.statements:
        yield ""
    for text in section.texts:
        yield from (escape_line(text), "")


def _folded(summary: str, content: list[str]) -> Iterator[str]:
    """Lines behind a line to click; the blank lines make Markdown of what is inside."""
    if content:
        yield from (f"<details><summary>{escape(summary)}</summary>", "", *content, "</details>", "")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell).strip() for cell in cells) + " |"
