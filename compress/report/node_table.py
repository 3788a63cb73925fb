"""A table of where the nodes of files ran, for a report of this machine and of a device."""

from collections.abc import Mapping

from compress.report.sections import Table, table_of
from exporters.read.session import CPU_PROVIDER


def operator_counts(operators: Mapping[str, int]) -> list[str]:
    """The nodes of each operator, "26 Conv"."""
    return [f"{count} {name}" for name, count in operators.items()]


def node_table(title: str, files: Mapping[str, Mapping[str, Mapping[str, int]]], provider: str) -> Table:
    """Nodes by operator; ``files`` are label -> provider that ran them -> operator -> nodes, ``provider`` was asked."""
    rows = [(label, where, operators) for label, nodes in files.items() for where, operators in nodes.items()]
    return table_of(
        title,
        rows,
        [
            ("file", lambda row: row[0]),
            ("provider", lambda row: row[1]),
            ("nodes", lambda row: sum(row[2].values())),
            ("operators", lambda row: ", ".join(operator_counts(row[2]))),
        ],
        note=f"{CPU_PROVIDER}: nodes that {provider} does not run",
        words=frozenset({"provider", "operators"}),
    )
