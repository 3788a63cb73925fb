import resource
import signal
import time
from contextlib import suppress

import pytest
import torch

from compress import reading_limits as limits
from compress.errors import BadInputError, EnvironmentProblem

SPARE = 2**26


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_SPARE_BYTES", SPARE)
    monkeypatch.setattr(limits, "_SPARE_SECONDS", 0.1)
    (tmp_path / "w.pt").write_bytes(bytes(1000))
    return tmp_path / "w.pt"


@pytest.mark.parametrize("take", [lambda: bytearray(2 * SPARE), lambda: torch.empty(SPARE)], ids=["Python", "torch"])
def test_a_reader_that_wants_more_memory_is_stopped(file, take):
    before = resource.getrlimit(resource.RLIMIT_AS)
    message = r"w\.pt is refused: for its 1,000 bytes, reading it takes more than 0\.1 GiB of memory"
    with pytest.raises(BadInputError, match=message), limits.reading_limits(file, size=file.stat().st_size):
        take()
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert len(take()) == 2 * SPARE or torch.is_tensor(take())


def test_a_reader_that_computes_for_longer_is_stopped(file):
    before = signal.getsignal(signal.SIGPROF)
    message = r"w\.pt is refused: .*reading it takes more than 0 s"
    with pytest.raises(BadInputError, match=message), limits.reading_limits(file, size=file.stat().st_size):
        _compute_for_ever()
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_a_reader_that_swallows_the_error_is_refused_at_its_end(file):
    with pytest.raises(BadInputError, match="more than 0 s"), limits.reading_limits(file, size=1), suppress(Exception):
        _compute_for_ever()
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_waiting_is_not_computing_and_other_errors_pass(file):
    with pytest.raises(RuntimeError, match="of the reader"), limits.reading_limits(file, size=file.stat().st_size):
        _wait_and_fail()


def test_a_file_larger_than_the_free_memory_is_the_machine_s_problem(file):
    with file.open("wb") as stream:
        stream.truncate(2**43)
    message = r"expected 8192\.0 GiB of free memory for .*w\.pt, got \d"
    with pytest.raises(EnvironmentProblem, match=message), limits.reading_limits(file, size=file.stat().st_size):
        _compute_for_ever()


def _compute_for_ever():
    while True:
        pass


def _wait_and_fail():
    time.sleep(0.3)
    raise RuntimeError("of the reader")
