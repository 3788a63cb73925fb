import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from compress.data import workers
from compress.data.workers import default_workers, read_batches
from compress.errors import BadInputError, EnvironmentProblem

PLAN = [np.array([3, 1]), np.array([0]), np.array([2, 4])]


def squares(places: np.ndarray) -> torch.Tensor:
    if 99 in places:
        raise BadInputError("cannot read image 99")
    if -1 in places:
        os.kill(os.getpid(), signal.SIGKILL)
    return torch.from_numpy(places**2)


@pytest.fixture
def eight_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than there are cores
@pytest.mark.parametrize("count", [None, 0, 1, 2, 50])
def test_batches_come_in_the_order_of_the_plan(count):
    read = [batch.tolist() for batch in read_batches(squares, PLAN, workers=count, batch_bytes=16)]
    assert read == [[9, 1], [0], [4, 16]]
    assert list(read_batches(squares, [], workers=count, batch_bytes=16)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_what_is_wrong_with_an_image_is_said_in_one_line(count):
    batches = read_batches(squares, [*PLAN, np.array([99])], workers=count, batch_bytes=16)
    for _batch in PLAN:
        next(batches)
    with pytest.raises(BadInputError) as error:
        next(batches)
    assert str(error.value) == "cannot read image 99"


@pytest.mark.usefixtures("eight_threads")
def test_a_temporary_folder_whose_path_is_too_long_for_sockets(tmp_path, monkeypatch):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(EnvironmentProblem, match=rf"{folder}: expected .* at most 70 bytes.* try another TMPDIR"):
        next(read_batches(squares, PLAN, workers=1, batch_bytes=16))
    assert default_workers(100, batch_bytes=16) == 0
    assert next(read_batches(squares, PLAN, workers=None, batch_bytes=16)).tolist() == [9, 1]


def test_a_worker_that_is_killed_is_the_machines_fault():
    with pytest.raises(
        EnvironmentProblem, match=r"was killed, most often because memory ran out .* try fewer --workers"
    ) as error:
        list(read_batches(squares, [*PLAN, np.array([-1])], workers=1, batch_bytes=16))
    assert error.value.exit_code == 5


@pytest.mark.usefixtures("eight_threads")
def test_half_of_the_threads_read_in_a_long_pass_and_none_in_a_short_one():
    assert default_workers(1000, batch_bytes=1) == 4
    assert [default_workers(batches, batch_bytes=1) for batches in (0, 7, 8, 16, 31, 32)] == [0, 0, 1, 2, 3, 4]
    torch.set_num_threads(1)
    assert default_workers(1000, batch_bytes=1) == 0


@pytest.mark.usefixtures("eight_threads")
@pytest.mark.parametrize(("free", "count"), [(64, 2), (29, 0), (30, 1), (10**6, 4)])
def test_no_more_workers_than_shared_memory_holds(monkeypatch, free, count):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(workers.shutil, "disk_usage", lambda _path: usage)
    assert default_workers(1000, batch_bytes=10) == count


@pytest.mark.parametrize("method", ["fork", "forkserver"])  # of starting processes; the second takes seconds
def test_workers_live_as_long_as_their_run(tmp_path, method):
    run = os.fork()
    if not run:
        try:
            multiprocessing.set_start_method(method, force=True)
            list(read_batches(partial(read_slowly, tmp_path), PLAN, workers=1, batch_bytes=16))
        finally:
            os._exit(1)
    wait_for(lambda: len([*tmp_path.iterdir()]) == 2)
    (worker,) = {int(note.read_text()) for note in tmp_path.iterdir()}
    assert is_running(worker)
    os.kill(run, signal.SIGKILL)
    os.waitpid(run, 0)
    wait_for(lambda: not is_running(worker))


def read_slowly(notes: Path, places: np.ndarray) -> torch.Tensor:
    """Two batches in longer than a worker takes to notice that its run has ended, then none."""
    done = len([*notes.iterdir()])
    time.sleep(0.8 if done < 2 else 60)  # it neither reads the queue nor writes to it
    (notes / "half").write_text(str(os.getpid()))
    (notes / "half").rename(notes / str(done))
    return torch.from_numpy(places)


def wait_for(state: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not state() and time.monotonic() < end:
        time.sleep(0.02)
    assert state()


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody may be there to collect it
    except psutil.NoSuchProcess:
        return False
