"""Which files are timed against which: labels and roles alone decide."""

import pytest

from compress.verdict.measure import pairs_to_time
from tests.helpers.runs import record


@pytest.mark.parametrize(
    ("pruned", "extra", "pairs"),
    [
        ("pruned", {}, ["original/pruned"]),
        (  # quantised files also against their source and each other
            "pruned",
            {"original int8": "original", "pruned int8": "pruned"},
            ["original/pruned", "original/original int8", "original/pruned int8", "pruned/pruned int8",
             "original int8/pruned int8"],
        ),
        (  # (F) has the original's layers
            "pruned (P)",
            {"full (F)": None, "pruned (P) int8": "pruned (P)"},
            ["original/pruned (P)", "original/pruned (P) int8", "pruned (P)/pruned (P) int8"],
        ),
    ],
)  # fmt: skip
def test_what_is_timed_against_what(pruned, extra, pairs):
    rows = [record(), record(label=pruned, role="candidate")]
    rows += [record(label=label, role="extra", source=source) for label, source in extra.items()]
    assert ["/".join(pair) for pair in pairs_to_time(rows)] == pairs
