"""What is said while nothing can be shown."""

import time

import pytest

from compress.cli.output import asking_for_patience


@pytest.mark.parametrize(("quiet", "lines"), [(False, 1), (True, 0)])
def test_patience_is_asked_for_once_where_it_takes_long(capsys, quiet, lines):
    with asking_for_patience(quiet=quiet, seconds=0.01):
        time.sleep(0.5)
    out, err = capsys.readouterr()
    assert (out, err.count("Still at work"), len(err.splitlines())) == ("", lines, lines)


def test_nothing_is_said_where_it_is_over_soon(capsys):
    with asking_for_patience(quiet=False):
        pass
    assert capsys.readouterr().err == ""
