"""The report in a terminal: the verdict first, then the tables, at most 80 columns, nothing cut."""

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from compress.report.class_tables import class_table
from compress.report.figures import printable
from compress.report.latency_tables import latency_table, operator_table, other_latency_table
from compress.report.model import Report
from compress.report.run_tables import check_table, time_table
from compress.report.tables import LEFT, Table, accuracy_table, answer_table, file_table, network_table, origin_table
from compress.report.verdict import state_verdict

_WIDTH = 80
_LOSERS, _OPERATORS = 5, 10


def render_terminal(report: Report, console: Console) -> None:
    """Print the report; names of users are text, never markup."""
    width = min(_WIDTH, console.width)
    for line in _verdict_lines(report):
        console.print(line, width=width, overflow="fold", highlight=False)
    for table in _tables(report):
        if table.rows:
            console.print(Text(f"\n{printable(table.title)}", style="bold"), width=width, overflow="fold")
            console.print(_rich_table(table), width=width)


def _tables(report: Report) -> tuple[Table, ...]:
    return (
        accuracy_table(report),
        latency_table(report),
        other_latency_table(report),
        network_table(report),
        origin_table(report),
        answer_table(report),
        class_table(report, most=_LOSERS),
        operator_table(report, most=_OPERATORS),
        check_table(report),
        file_table(report),
        time_table(report),
    )


def _verdict_lines(report: Report) -> list[RichTable | Text]:
    verdict = state_verdict(report)
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    parts = (
        ("gained", verdict.gained, "green"),
        ("lost", verdict.lost, "red"),
        ("also", verdict.others, "cyan"),
        ("FAILED", verdict.missed, "bold red"),
        ("passed", verdict.kept, "green"),
        ("note", verdict.caveats, "yellow"),
    )
    for name, sentences, style in parts:
        for number, sentence in enumerate(sentences):
            grid.add_row(Text(name if number == 0 else "", style=style), Text(printable(sentence)))
    return [Text(printable(verdict.headline), style="bold"), grid, Text("Intervals are at 95 %.", style="dim")]


def _rich_table(table: Table) -> RichTable:
    rich_table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(table.columns):
        left = number == 0 or name in LEFT
        rich_table.add_column(Text(printable(name)), justify="left" if left else "right", overflow="fold")
    for row in table.rows:
        rich_table.add_row(*(Text(printable(cell)) for cell in row))
    return rich_table
