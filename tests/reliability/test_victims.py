"""The campaign's own parts: victims die where they should, and what is found is counted."""

import errno
import os
import signal
import time
from collections import Counter

import pytest

from benchmarks.reliability.flips import Damage
from benchmarks.reliability.record import Case, Record
from benchmarks.reliability.scenes import differences
from benchmarks.reliability.table import page
from benchmarks.reliability.victims import Kill, call


def write_three(folder):
    """Six operations: three files are opened for writing and synced; each holds four letters."""

    def work():
        for name in "abc":
            with (folder / name).open("w") as file:
                file.write(name * 4)
                file.flush()
                os.fsync(file.fileno())
        return 0

    return work


@pytest.mark.parametrize(
    ("kill", "left"),
    [
        (Kill(3, "before"), {"a": "aaaa"}),
        (Kill(3, "after"), {"a": "aaaa", "b": ""}),
        (Kill(4, "torn"), {"a": "aaaa", "b": "bb"}),
        (Kill(inside="/c"), {"a": "aaaa", "b": "bbbb"}),
        (Kill(7), {"a": "aaaa", "b": "bbbb", "c": "cccc"}),
    ],
    ids=str,
)
def test_a_victim_dies_at_the_operation_that_is_named(tmp_path, kill, left):
    folder = tmp_path / "files"
    folder.mkdir()
    ended = call(write_three(folder), tmp_path / "scratch", kill=kill)
    assert {path.name: path.read_text() for path in folder.iterdir()} == left
    assert ended.code == (0 if kill.number == 7 else None)
    assert not ended.hung
    assert not ended.outlived


def test_a_disk_fails_from_an_operation_on(tmp_path):
    ended = call(write_three(tmp_path), tmp_path / "scratch", kill=Kill(3, error=errno.ENOSPC))
    assert (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
    assert "OSError: [Errno 28] No space left on device" in ended.last_line


def test_a_victim_that_hangs_is_noticed_and_one_asked_to_stop_may_end(tmp_path):
    assert call(lambda: time.sleep(60), tmp_path, timeout=0.2).hung

    def heeding():
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
        time.sleep(60)

    assert call(heeding, tmp_path, kill=Kill(seconds=0.3, signal=signal.SIGTERM)).code == 143


def test_a_bit_or_the_end_of_a_file_is_damaged(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"\x00\x01\x02")
    Damage("a", 9, 3).apply(file)
    assert file.read_bytes() == b"\x00\x03\x02"
    Damage("a", None, 1).apply(file)
    assert file.read_bytes() == b"\x00"


def test_what_differs_is_named():
    assert differences({"a": "1", "b": "2", "d": "4"}, {"a": "1", "b": "3", "c": "5"}) == [
        "c is missing", "d was left behind", "b differs",
    ]  # fmt: skip


def test_results_go_on_and_those_of_another_source_begin_anew(tmp_path):
    file, case = tmp_path / "r.json", Case("one", Counter(killed=3), ["step"], ["b differs"])
    record = Record(file, commit="a" * 40, source="one")
    record.tally("kills: tiny").add(case, number=0, seconds=2.0)
    record.write()
    again = Record(file, commit="c" * 40, source="one")
    again.tally("kills: tiny").add(Case("two", Counter(killed=2, stopped=1)), number=1, seconds=2.0)
    assert again.tally("kills: tiny").outcomes == {"killed": 5, "stopped": 1}
    assert "| kills: tiny | 2 | 6 | 5 killed, 1 stopped | 1 |" in page(again.as_dict())
    assert "- kills: tiny, case 0: b differs" in page(again.as_dict())
    assert again.as_dict()["commit"] == "a" * 40
    assert Record(file, commit="b" * 40, source="other").tallies == {}
