"""What is promised, the tests of each promise, and how often the campaign tried to break it: a table of the docs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[2] / "docs/reliability.md"

_MARK: Final = re.compile(r"(<!-- promises -->\n).*?(<!-- end of promises -->)", re.DOTALL)


@dataclass(frozen=True)
class Promise:
    """A promise: its words, the kinds of attacks on it by the begin of their names, and its tests."""

    words: str
    attacks: tuple[str, ...]
    tests: tuple[str, ...]


_RUNS: Final = ("trained", "tiny", "new", "weights", "paper", "workers", "squeezenet", "race")

PROMISES: Final = (
    Promise(
        "A killed run goes on and ends as an undisturbed one, bit for bit. No part of a file is left behind.",
        tuple(f"kills: {name}" for name in _RUNS),
        (
            "tests/reliability/test_campaign.py::test_a_sample_of_every_attack",
            "tests/integration/test_resume.py::test_a_run_stopped_and_killed_in_every_stage_ends_as_the_undisturbed_one",
        ),
    ),
    Promise(
        "After a kill of `export`, `verify`, `report` or `compare` the same command works, and so do the others.",
        ("kills: export", "kills: verify", "kills: report", "kills: compare"),
        ("tests/reliability/test_campaign.py::test_a_share_of_every_attack",),
    ),
    Promise(
        "A changed file of a run is refused by name, or not used. It never gives another result.",
        ("flips",),
        (
            "tests/reliability/test_campaign.py::test_a_sample_of_every_attack",
            "tests/runs/test_manifest.py::test_every_changed_byte_and_every_lost_end_is_found",
        ),
    ),
    Promise(
        "A full disk, a missing right or a failing lock ends with exit code 5, and a later `--resume` goes on.",
        ("machine",),
        ("tests/reliability/test_campaign.py::test_a_sample_of_every_attack",),
    ),
    Promise(
        "Files from elsewhere run no code and take bounded time and memory. A bad one is named, never exit code 1.",
        ("hostile",),
        (
            "tests/reliability/test_campaign.py::test_a_sample_of_every_attack",
            "tests/reliability/test_readers.py::test_a_checkpoint_is_read_or_refused",
        ),
    ),
    Promise(
        "A loss or gradient that is not finite ends with exit code 6 and reaches no saved file.",
        ("divergence",),
        ("tests/reliability/test_campaign.py::test_a_sample_of_every_attack",),
    ),
    Promise(
        "Only files that this program wrote are deleted, never through a link.",
        (),
        (
            "tests/runs/test_folder.py::test_other_files_are_left_alone_when_a_run_is_opened",
            "tests/runs/test_folder.py::test_overwrite_deletes_the_old_run_and_nothing_else",
        ),
    ),
    Promise(
        "Nothing is sent anywhere; onnxruntime's telemetry is off.",
        (),
        (
            "tests/exporters/test_telemetry.py::test_a_session_opens_no_socket",
            "tests/exporters/test_telemetry.py::test_a_command_sends_nothing",
        ),
    ),
    Promise(
        "Names from files and folders cannot control the terminal, or add markup to Markdown and HTML.",
        ("hostile: names",),
        ("tests/test_escaping.py::test_nothing_unprintable_is_left",),
    ),
    Promise(
        "These checks find bugs: each of those planted in a victim was found.",
        ("controls",),
        ("tests/reliability/test_campaign.py::test_every_planted_bug_is_found",),
    ),
)  # fmt: skip


def promise_table(results: Mapping[str, Any]) -> str:
    """Markdown: a row per promise, with the attacks of the committed run and their faults.

    Args:
        results: ``Record.as_dict``.
    """
    rows = [("", "Promise", "Attacks", "Faults", "Test"), ("---", "---", "---:", "---:", "---")]
    for number, promise in enumerate(PROMISES, start=1):
        tallies = [tally for kind, tally in results["kinds"].items() if kind.startswith(promise.attacks)]
        attacks = f"{sum(sum(one['outcomes'].values()) for one in tallies):,}" if promise.attacks else "-"
        faults = f"{sum(len(one['faults']) for one in tallies):,}" if promise.attacks else "-"
        tests = ", ".join(f"`{test.partition('::')[2]}`" for test in promise.tests)
        rows.append((f"P{number}", promise.words, attacks, faults, tests))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_promises(page: str, results: Mapping[str, Any]) -> str:
    """The page with its table of promises made anew."""
    return _MARK.sub(lambda found: f"{found[1]}\n{promise_table(results)}\n\n{found[2]}", page)
