import time

import pytest

from compress.cli.output import message_console, slow_work_note


@pytest.mark.parametrize(("quiet", "took", "lines"), [(False, 0.2, 1), (True, 0.2, 0), (False, 0.0, 0)])
def test_slow_work_writes_one_note(capsys, quiet, took, lines):
    with slow_work_note(quiet=quiet, seconds=0.01 if took else 10.0):
        time.sleep(took)
    out, err = capsys.readouterr()
    assert (out, err.count("Still working"), len(err.splitlines())) == ("", lines, lines)


def test_a_pipe_has_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    assert message_console().width == 80
