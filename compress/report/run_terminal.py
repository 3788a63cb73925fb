"""The report in a terminal: the verdict first, then the tables, at most 80 columns, nothing cut."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from compress.report.class_tables import class_table
from compress.report.figures import printable
from compress.report.latency_tables import latency_table, other_latency_table
from compress.report.model import Report
from compress.report.profile_tables import layer_table
from compress.report.run_tables import check_table, time_table
from compress.report.sections import Table
from compress.report.tables import accuracy_table, answer_table, file_table, network_table, origin_table
from compress.report.terminal import WIDTH, terminal_table
from compress.report.timings import how_timed
from compress.report.verdict import UNSHOWN, state_verdict

_LOSERS, _LAYERS = 5, 10
_NAME_WIDTH: Final = len("no difference")
_STYLES: Final = {
    "FAILED": "bold red", "passed": "green", "gained": "green", "lost": "red", UNSHOWN: "blue", "also": "cyan",
    "note": "yellow",
}  # fmt: skip


def render_run_terminal(report: Report, console: Console) -> None:
    """Print the report; names of users are text, never markup."""
    width = min(WIDTH, console.width)
    for line in _verdict_lines(report):
        console.print(line, width=width, overflow="fold", highlight=False)
    for table in _tables(report):
        if table.rows:
            console.print(Text(f"\n{printable(table.title)}", style="bold"), width=width, overflow="fold")
            console.print(terminal_table(table), width=width)


def _tables(report: Report) -> tuple[Table, ...]:
    return (
        accuracy_table(report),
        latency_table(report),
        other_latency_table(report),
        network_table(report),
        origin_table(report),
        answer_table(report),
        class_table(report, most=_LOSERS),
        layer_table(report, most=_LAYERS),
        check_table(report),
        file_table(report),
        time_table(report),
    )


def _verdict_lines(report: Report) -> Iterator[RichTable | Text]:
    verdict = state_verdict(report)
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(max_width=_NAME_WIDTH)
    grid.add_column(overflow="fold")
    for part in verdict.parts():
        for number, sentence in enumerate(part.sentences):
            name = part.name if number == 0 else ""
            grid.add_row(Text(name, style=_STYLES[part.name]), Text(printable(sentence)))
    yield Text(printable(verdict.headline), style="bold")
    yield grid
    yield Text("Intervals are at 95 %.", style="dim")
    timed = how_timed(report)
    if timed is not None:
        yield Text(printable(timed), style="dim")
