"""Which files are timed against which: labels and roles alone decide."""

from compress.runs.file_records import FileRecord
from compress.verdict.measure import pairs_to_time
from tests.helpers.runs import record


def row(label: str, role: str, source: str | None = None) -> FileRecord:
    return record(label=label, role=role, source=source)


def test_quantised_files_also_against_their_source_and_each_other():
    rows = [
        row("original", "original"),
        row("pruned", "candidate"),
        row("original int8", "extra", "original"),
        row("pruned int8", "extra", "pruned"),
    ]
    assert pairs_to_time(rows[:2]) == [("original", "pruned")]
    assert pairs_to_time(rows) == [
        ("original", "pruned"),
        ("original", "original int8"),
        ("original", "pruned int8"),
        ("pruned", "pruned int8"),
        ("original int8", "pruned int8"),
    ]


def test_rows_with_the_original_s_layers_are_not_timed():
    rows = [
        row("original", "original"),
        row("pruned (P)", "candidate"),
        row("full (F)", "extra"),
        row("pruned (P) int8", "extra", "pruned (P)"),
    ]
    assert pairs_to_time(rows) == [
        ("original", "pruned (P)"),
        ("original", "pruned (P) int8"),
        ("pruned (P)", "pruned (P) int8"),
    ]
