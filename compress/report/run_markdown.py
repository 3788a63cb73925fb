"""The report as Markdown for a pull request: verdict and main tables open, the rest folded, names escaped."""

from collections.abc import Iterable, Iterator

from compress.report import class_tables, figures, latency_tables, profile_tables, run_tables, tables
from compress.report.escaping import escape
from compress.report.model import Report
from compress.report.sections import Table
from compress.report.timings import how_timed
from compress.report.verdict import state_verdict

MOST_CLASSES = 25
MOST_CONFUSIONS = 15


def render_run_markdown(report: Report) -> str:
    """The whole report as one Markdown document."""
    lines = [
        f"# {escape(report.name)}",
        "",
        *verdict_lines(report),
        *table_lines(tables.accuracy_table(report)),
        *table_lines(latency_tables.latency_table(report)),
        *table_lines(latency_tables.other_latency_table(report)),
        *table_lines(tables.network_table(report)),
        *table_lines(tables.origin_table(report)),
        *table_lines(tables.answer_table(report)),
        *table_lines(run_tables.check_table(report)),
        *_folded("Classes and wrong answers", *_classes(report)),
        *_folded("Where the time goes", profile_tables.layer_table(report)),
        *_folded("Latency in full", *_latency(report)),
        *_folded("How it was made", *_making(report), before=_search_lines(report)),
        *_folded(
            "Files, data, machine",
            tables.file_table(report),
            run_tables.machine_table(report),
            before=_data_lines(report),
        ),
        escape(f"Written by compress {report.compress_version} at {report.created}, schema {report.schema_version}."),
    ]
    return "\n".join(lines) + "\n"


def verdict_lines(report: Report) -> Iterator[str]:
    """The verdict as a bold sentence and a list, then how it was timed."""
    verdict = state_verdict(report)
    yield f"**{escape(verdict.headline)}**"
    yield ""
    for part in verdict.parts():
        name = f"**{part.name}**" if part.name.isupper() else part.name.capitalize()
        yield from (f"- {name}: {escape(sentence)}" for sentence in part.sentences)
    yield ""
    timed = how_timed(report)
    yield "Intervals are at 95 %." + (f" {escape(timed)}" if timed else "")
    yield ""


def table_lines(table: Table) -> Iterator[str]:
    """A table under its title; nothing where it has no rows."""
    if not table.rows:
        return
    yield f"### {escape(table.title)}"
    yield ""
    yield _row(table.columns)
    sides = [":---" if table.is_left(number) else "---:" for number in range(len(table.columns))]
    yield f"|{'|'.join(sides)}|"
    yield from map(_row, table.rows)
    yield ""


def _folded(summary: str, *parts: Table, before: Iterable[str] = ()) -> Iterator[str]:
    """Tables behind a line to click; the blank lines make Markdown of what is inside."""
    content = [*before, *(line for part in parts for line in table_lines(part))]
    if content:
        yield from (f"<details><summary>{summary}</summary>", "", *content, "</details>", "")


def _latency(report: Report) -> tuple[Table, ...]:
    return (
        *latency_tables.pair_tables(report),
        latency_tables.percentile_table(report),
        latency_tables.protocol_table(report),
    )


def _classes(report: Report) -> tuple[Table, ...]:
    return (
        class_tables.class_table(report, most=MOST_CLASSES),
        class_tables.confusion_table(report, most=MOST_CONFUSIONS),
    )


def _making(report: Report) -> tuple[Table, ...]:
    shown = (
        run_tables.layer_table,
        run_tables.history_table,
        run_tables.training_table,
        run_tables.time_table,
        run_tables.setting_table,
    )
    return tuple(table(report) for table in shown)


def _search_lines(report: Report) -> Iterator[str]:
    if report.run is not None:
        yield escape(run_tables.search_words(report.run))
        yield ""


def _data_lines(report: Report) -> Iterator[str]:
    data = report.data
    yield escape(
        f"Data set {data.name}: {data.train:,} training, {data.val:,} validation and {data.test:,} test images, "
        f"{len(data.classes)} classes ({', '.join(data.classes)}), {data.image_size} x {data.image_size} pixels, "
        f"{figures.plural(data.channels, 'channel')}. Resize: {data.resize}."
    )
    yield ""
    yield from fingerprint_lines(report)
    for row in report.networks:
        yield f"- {escape(row.label)}: sha256 {row.sha256}; preprocessing: {escape(row.preprocessing)}"
    yield ""


def fingerprint_lines(report: Report) -> Iterator[str]:
    """Which images exactly, as a list."""
    yield from (f"- sha256 of {what}: `{value}`" for what, value in run_tables.fingerprints(report))
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell).strip() for cell in cells) + " |"
