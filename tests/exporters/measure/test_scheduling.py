import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporters.measure.scheduling import core_sets, held_on, interruptions

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no process affinity")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A made-up machine: processors 0 to 7, where 0 and 4, 1 and 5, ... are hyper-threads of one core."""
    for processor in range(8):
        folder = tmp_path / f"cpu{processor}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{processor % 4},{processor % 4 + 4}\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    return tmp_path


@pytest.mark.parametrize(
    ("usable", "threads", "sets"),
    [
        (range(8), 1, ((0,), (1,), (2,), (3,))),  # one hyper-thread of a core
        (range(8), 2, ((0, 1), (1, 2), (2, 3), (3, 0))),
        (range(8), 4, ((0, 1, 2, 3),)),
        (range(8), 8, (tuple(range(8)),)),  # more threads than cores take hyper-threads
        (range(8), 9, ()),  # more threads than processors are not held
        ({4, 5, 1}, 1, ((1,), (4,))),
        ({6}, 1, ((6,),)),
    ],
)
def test_the_cores_that_threads_are_held_on(machine, monkeypatch, usable, threads, sets):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(usable))
    assert core_sets(threads, topology=machine) == sets


def test_seven_threads_of_eight_and_a_system_that_names_no_hyper_threads(machine):
    assert core_sets(7, topology=machine)[6] == (6, 7, 0, 1, 2, 3, 4)
    assert core_sets(1, topology=machine / "none") == tuple((number,) for number in range(8))


def test_a_system_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert core_sets(1) == ()
    with held_on(()) as held:
        assert not held


def test_held_with_the_threads_it_starts_and_let_go_even_after_an_error():
    before, seen = os.sched_getaffinity(0), []
    core = min(before)

    def fail_while_held():
        with held_on((core,)) as held, ThreadPoolExecutor() as pool:
            seen.append((held, pool.submit(os.sched_getaffinity, 0).result()))
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_while_held()
    assert seen == [(True, {core})]
    assert os.sched_getaffinity(0) == before
    with held_on((100_000,)) as held:  # cores that are gone are no error
        assert not held
    assert os.sched_getaffinity(0) == before


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
