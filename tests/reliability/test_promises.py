"""``docs/reliability.md`` says what the committed run of the campaign found, and names tests that exist."""

import ast
import json

import pytest

from benchmarks.reliability.campaign import KINDS, RESULTS
from benchmarks.reliability.promises import PAGE, PROMISES, promise_table, with_promises
from benchmarks.reliability.table import page
from tests.helpers.command import ROOT


@pytest.mark.parametrize("test", sorted({test for promise in PROMISES for test in promise.tests}))
def test_the_tests_of_the_promises_exist(test):
    file, _, name = test.partition("::")
    assert name in {node.name for node in ast.parse((ROOT / file).read_text()).body if hasattr(node, "name")}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_attack_is_on_a_promise(kind):
    assert any(kind.startswith(promise.attacks) for promise in PROMISES if promise.attacks)


def test_the_pages_are_those_of_the_committed_run():
    results = json.loads(RESULTS.read_text())
    assert RESULTS.with_suffix(".md").read_text() == page(results)
    assert with_promises(PAGE.read_text(), results) == PAGE.read_text()


def test_a_promise_counts_attacks_and_faults():
    tally = {"cases": 3, "seconds": 1.0, "outcomes": {"refused": 1200, "silent": 1}, "faults": [{"case": 2}]}
    rows = promise_table({"kinds": {"flips: finished": tally, "flips: exported": tally}}).splitlines()
    assert rows[4].startswith("| P3 | A changed file of a run is refused by name")
    assert "| 2,402 | 2 | `test_a_sample" in rows[4]
    assert "| - | - | `test_a_session_opens_no_socket`, `test_a_command_sends_nothing` |" in rows[9]
    assert "| 0 | 0 |" in rows[2]
