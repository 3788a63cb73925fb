"""Every option of every command, found through the parser, with values that nobody should give: never a bug's code."""

import os
from itertools import cycle, islice

import pytest
import typer

from compress.cli import main as cli
from tests.helpers.command import compress

HOSTILE = (
    "", " ", "-1", "0", "1e308", "nan", "inf", str(2**63), "1" + "0" * 400, "x" * 5000, "a\x1b[31mb\nc", "\udcff",
    "\ud800", "\u0663", ",", "=", "[/x]", "..", "loop/x", "fifo", "file/x", "n" * 255, "n" * 256, "/dev/zero",
    "missing", "1_000",
)  # fmt: skip
EACH = 5
"""Values for one option; the next one gets the next."""

CODES = {0, 2, 4, 5}
NETWORK = ("--arch", "nothing-of-this-name")
NO_RUN = ("missing",)
NEEDED = {
    "run": NETWORK,
    "race": NETWORK,
    "verify": NO_RUN,
    "export": (*NO_RUN, "--int8"),
    "report": NO_RUN,
    "kit": NO_RUN,
}
"""What else a command is given: it ends before there is work."""


def commands(command, *names):
    """The words of each command, and its parameters."""
    yield names, [one for one in command.params if not getattr(one, "is_flag", False)]
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *names, name)


COMMAND = typer.main.get_command(cli.app)
CALLS = [(names, one) for names, parameters in commands(COMMAND) for one in parameters]


@pytest.mark.parametrize(("place", "names", "option"), [(i, *call) for i, call in enumerate(CALLS)], ids=str)
def test_a_hostile_value_is_refused_in_a_few_visible_lines(tmp_path, monkeypatch, place, names, option):
    monkeypatch.setattr(cli, "app", COMMAND)  # as it is, built once
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    needed = NEEDED.get(names[0], ()) if option.param_type_name == "option" else ()
    if option.name in ("arch", "model"):
        needed = ()
    for value in islice(cycle(HOSTILE), place * EACH, (place + 1) * EACH):
        given = [f"{option.opts[0]}={value}"] if option.param_type_name == "option" else ["--", value]
        done = compress(*names, *needed, *given, cwd=tmp_path)
        assert done.returncode in CODES, done.stderr
        assert "Traceback" not in done.stderr
        assert (done.returncode == 0) or 1 <= len(done.stderr.splitlines()) <= 8
        assert all(character.isprintable() or character == "\n" for character in done.stderr + done.stdout)
