"""A document as Markdown for a pull request: main tables open, the rest folded.

Text of users is escaped: it is shown as it is and never becomes a link, a mention or a list.
"""

from collections.abc import Iterable, Iterator

from compress.escaping import as_markdown_line, in_html_of_markdown, in_markdown
from compress.report.sections import Document, Section, Table


def render_markdown(document: Document) -> str:
    """The whole document; plots and images are left out."""
    return join_blocks(
        [
            f"# {in_markdown(document.title)}",
            as_markdown_line(document.name),
            *(f"**{in_markdown(headline)}**" for headline in document.headlines),
            *(block for section in document.shown for block in section_blocks(section)),
            as_markdown_line(document.footer),
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
        f"- {f'**{part.label}**' if part.label.isupper() else part.label.capitalize()}: {in_markdown(sentence)}"
        for part in section.statements
        for sentence in part.sentences
    ]
    picture = f"![{in_markdown(section.title)}]({section.picture})" if section.picture else ""
    content = [picture, "\n".join(labelled), *map(as_markdown_line, section.texts), *map(table_block, opened)]
    behind = list(map(table_block, folded))
    if section.detail:
        yield from _folded(section.title, [*content, *behind])
    else:
        yield from (f"## {in_markdown(section.title)}", *content)
        yield from _folded("; ".join(table.heading(table.long) for table in folded), behind)


def table_block(table: Table) -> str:
    """A table under its title; empty where it has no rows."""
    if not table.rows:
        return ""
    sides = [":---" if table.is_left(number) else "---:" for number in range(len(table.columns))]
    lines = [_row(table.columns), f"|{'|'.join(sides)}|", *map(_row, table.rows[: table.long])]
    note = f"{as_markdown_line(table.note[0].upper() + table.note[1:])}.\n\n" if table.note else ""
    return f"### {in_markdown(table.heading(table.long))}\n\n{note}" + "\n".join(lines)


def _folded(summary: str, blocks: list[str]) -> Iterator[str]:
    """Blocks behind a line to click; the blank lines make Markdown of what is inside."""
    if any(blocks):
        yield from (f"<details><summary>{in_html_of_markdown(summary)}</summary>", *blocks, "</details>")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(in_markdown(cell).strip() for cell in cells) + " |"
