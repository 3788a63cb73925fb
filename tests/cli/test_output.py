"""The note that slow work writes."""

import time

import pytest

from compress.cli.output import slow_work_note


@pytest.mark.parametrize(("quiet", "lines"), [(False, 1), (True, 0)])
def test_slow_work_writes_one_note(capsys, quiet, lines):
    with slow_work_note(quiet=quiet, seconds=0.01):
        time.sleep(0.5)
    out, err = capsys.readouterr()
    assert (out, err.count("Still working"), len(err.splitlines())) == ("", lines, lines)


def test_fast_work_writes_no_note(capsys):
    with slow_work_note(quiet=False):
        pass
    assert capsys.readouterr().err == ""
