import os
import subprocess
import sys
import threading
import time

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


def test_one_hyper_thread_of_a_core(machine):
    assert core_sets(1, topology=machine) == ((0,), (1,), (2,), (3,))
    assert core_sets(2, topology=machine) == ((0, 1), (1, 2), (2, 3), (3, 0))
    assert core_sets(4, topology=machine) == ((0, 1, 2, 3),)


def test_more_threads_than_cores_take_hyper_threads(machine):
    assert core_sets(8, topology=machine) == (tuple(range(8)),)
    assert core_sets(7, topology=machine)[6] == (6, 7, 0, 1, 2, 3, 4)


def test_more_threads_than_processors_are_not_held(machine):
    assert core_sets(9, topology=machine) == ()


def test_only_what_this_process_may_use(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {4, 5, 1})
    assert core_sets(1, topology=machine) == ((1,), (4,))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {6})
    assert core_sets(1, topology=machine) == ((6,),)


def test_no_word_on_hyper_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    assert core_sets(1, topology=tmp_path) == ((0,), (1,), (2,))


def test_a_system_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert core_sets(1) == ()
    with held_on(()) as held:
        assert not held


def test_held_with_the_threads_it_starts_and_let_go_even_after_an_error():
    before = os.sched_getaffinity(0)
    core = min(before)
    seen = []

    def fail_while_held():
        with held_on((core,)) as held:
            worker = threading.Thread(target=lambda: seen.append((held, os.sched_getaffinity(0))))
            worker.start()
            worker.join()
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_while_held()
    assert seen == [(True, {core})]
    assert os.sched_getaffinity(0) == before


def test_cores_that_are_gone_are_no_error():
    before = os.sched_getaffinity(0)
    with held_on((100_000,)) as held:
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
