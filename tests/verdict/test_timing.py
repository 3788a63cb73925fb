"""Which files are timed against which: labels and roles alone decide."""

from dataclasses import dataclass

from compress.verdict.timing import pairs_to_time


@dataclass(frozen=True)
class Row:
    """As much of a ``Subject`` as the rule reads."""

    label: str
    role: str
    source: str | None = None


def test_the_candidate_alone():
    assert pairs_to_time([Row("original", "original"), Row("pruned", "candidate")]) == [("original", "pruned")]


def test_quantised_files_also_against_their_source_and_each_other():
    rows = [
        Row("original", "original"),
        Row("pruned", "candidate"),
        Row("original int8", "extra", "original"),
        Row("pruned int8", "extra", "pruned"),
    ]
    assert pairs_to_time(rows) == [
        ("original", "pruned"),
        ("original", "original int8"),
        ("original", "pruned int8"),
        ("pruned", "pruned int8"),
        ("original int8", "pruned int8"),
    ]


def test_rows_with_the_original_s_layers_are_not_timed():
    rows = [
        Row("original", "original"),
        Row("pruned (P)", "candidate"),
        Row("full (F)", "extra"),
        Row("pruned (P) int8", "extra", "pruned (P)"),
    ]
    assert pairs_to_time(rows) == [
        ("original", "pruned (P)"),
        ("original", "pruned (P) int8"),
        ("pruned (P)", "pruned (P) int8"),
    ]
