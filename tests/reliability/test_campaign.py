"""The campaign of ``make bench-reliability``: a sample of it, and what it would say of a product with bugs.

It runs in processes of its own, because its victims are forks of a process that has computed nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.reliability.campaign import KINDS, SAMPLE
from benchmarks.reliability.controls import NAMES
from tests.helpers.command import ROOT


@pytest.fixture
def folder():
    """A temporary folder that other users may enter: as one of them a victim writes to a read-only folder."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def campaign(folder, *arguments):
    """The results of a campaign."""
    results = folder / "results.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.reliability",
        "--out",
        folder / "out",
        "--results",
        results,
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(results.read_text())["kinds"]
    assert [f"{kind}: {fault}" for kind, tally in found.items() for fault in tally["faults"]] == []
    return found


@pytest.mark.timeout(1800)
def test_a_sample_of_every_attack(folder):
    found = campaign(folder, "--sample")
    assert found.keys() == SAMPLE.keys()
    outcomes = {name: tally["outcomes"] for name, tally in found.items()}
    assert outcomes["kills: trained"]["killed"] >= 4  # resumed, and equal to an undisturbed run bit for bit
    assert outcomes["divergence"] == {"exit code 6": 2}
    assert outcomes["machine: no locks"] == {"exit code 5": 1}
    assert outcomes["machine: two processes"] == {"exit code 5": 1}
    assert outcomes["controls"] == {"found": 1, "not found": 1}  # the first is without a bug
    assert outcomes["flips: finished"]["refused"] >= 15
    assert "silent" not in outcomes["flips: finished"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_planted_bug_is_found(folder):
    found = campaign(folder, "--only", "controls")
    assert found["controls"]["outcomes"] == {"found": len(NAMES) - 1, "not found": 1}


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_share_of_every_attack(folder):
    assert campaign(folder, "--share", "0.02", "--minutes", "110").keys() == KINDS.keys()
