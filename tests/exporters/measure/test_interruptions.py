import os
import subprocess
import sys
import time

import numpy as np
import pytest

from exporters.measure.affinity import held_on
from exporters.measure.interruptions import Round, interruptions, undisturbed


def round_of(*counts: int) -> Round:
    """Pairs (number, interruptions) for the counts given."""
    return Round(np.arange(2.0 * len(counts)).reshape(-1, 2), np.array(counts))


def test_only_undisturbed_pairs_are_left():
    rounds = [round_of(0, 1, 0, 2), round_of(0, 0), round_of(3, 0, 1)]
    left = undisturbed(rounds, fewest_rounds=2, fewest_pairs=2)
    assert [pairs.tolist() for pairs in left] == [[[0, 1], [4, 5]], [[0, 1], [2, 3]]]  # the third has but one


def test_all_pairs_where_too_few_rounds_are_quiet():
    rounds = [round_of(0, 1, 0, 2), round_of(1, 1), round_of(3, 0, 1)]
    left = undisturbed(rounds, fewest_rounds=2, fewest_pairs=2)
    assert [len(pairs) for pairs in left] == [4, 2, 3]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no process affinity")
def test_a_neighbour_on_the_same_core_is_noticed():
    core = min(os.sched_getaffinity(0))
    code = f"import os\nos.sched_setaffinity(0, [{core}])\nprint(flush=True)\nwhile True: pass"
    neighbour = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        neighbour.stdout.readline()
        with held_on((core,)):
            before, end = interruptions(), time.perf_counter() + 0.5
            while time.perf_counter() < end:
                pass
            assert interruptions() > before
    finally:
        neighbour.kill()
        neighbour.communicate()
