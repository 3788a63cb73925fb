"""The report as Markdown: all tables, names escaped."""

import re
from collections.abc import Iterator

from compress.report import figures, tables
from compress.report.figures import printable
from compress.report.model import Report
from compress.report.tables import Table
from compress.report.verdict import state_verdict

_SPECIAL = re.compile(r"([\\`*_\[\]<|&~])")


def render_markdown(report: Report) -> str:
    """The whole report as one Markdown document."""
    data = report.data
    lines = [
        f"# {escape(report.name)}",
        "",
        *_verdict_lines(report),
        *_table_lines(tables.network_table(report)),
        *_table_lines(tables.latency_table(report)),
        *_table_lines(tables.percentile_table(report)),
        *_table_lines(tables.check_table(report)),
        *_table_lines(tables.layer_table(report)),
        *_search_lines(report),
        *_table_lines(tables.history_table(report)),
        *_table_lines(tables.time_table(report)),
        "## Data",
        "",
        escape(
            f"Data set {data.name}: {data.train:,} training, {data.val:,} validation and {data.test:,} test images, "
            f"{len(data.classes)} classes ({', '.join(data.classes)}), {data.image_size} x {data.image_size} pixels, "
            f"{figures.plural(data.channels, 'channel')}. Fingerprint {data.fingerprint}."
        ),
        "",
        *_table_lines(tables.setting_table(report)),
        *_table_lines(tables.machine_table(report)),
        escape(f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}."),
    ]
    return "\n".join(lines) + "\n"


def _search_lines(report: Report) -> Iterator[str]:
    if report.run is None:
        return
    search = report.run.search
    converged = "not converged" if search.converged_at is None else f"converged in epoch {search.converged_at}"
    yield "## Search"
    yield ""
    yield escape(
        f"Preset {search.preset}, {figures.plural(search.population, 'state')}, "
        f"{figures.plural(search.iterations, 'iteration')}, {converged}, {figures.duration(search.seconds)}."
    )
    yield ""


def escape(text: str) -> str:
    """A user's text as Markdown that shows exactly it; not for the start of a line."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _verdict_lines(report: Report) -> Iterator[str]:
    verdict = state_verdict(report)
    yield f"**{escape(verdict.headline)}**"
    yield ""
    for name, sentences in (("Gained", verdict.gained), ("Lost", verdict.lost), ("Note", verdict.caveats)):
        yield from (f"- {name}: {escape(sentence)}" for sentence in sentences)
    yield ""
    yield "Intervals are at 95 %."
    yield ""


def _table_lines(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    yield f"## {escape(table.title)}"
    yield ""
    yield _row(table.columns)
    yield "|" + "|".join([":---", *["---:"] * (len(table.columns) - 1)]) + "|"
    yield from map(_row, table.rows)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell).strip() for cell in cells) + " |"
