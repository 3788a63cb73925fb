"""The real process: closed and full outputs, odd encodings, Ctrl-C at once."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.helpers.command import ROOT

METHODS = [sys.executable, "-m", "compress", "list", "methods"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def in_shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run shell code in which ``"$@"`` is ``compress list methods``."""
    shell = ["bash", "-o", "pipefail", "-c", command, "-", *METHODS]
    return subprocess.run(shell, capture_output=True, check=False, env=ENVIRONMENT | environment)


@pytest.mark.parametrize("flag", ["", "--json", "--help"])
def test_a_reader_that_has_gone_ends_it_as_it_ends_other_programs(flag):
    done = in_shell(f'"$@" {flag} | true')
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("flag", ["", "--json"])
def test_a_full_device_is_named(flag):
    done = in_shell(f'"$@" {flag} >/dev/full')
    assert done.returncode == 5
    assert done.stderr == b"Error: cannot write the results to standard output: No space left on device\n"


def test_a_message_that_cannot_be_written_changes_no_exit_code():
    assert in_shell('"$@" --nonsense 2>/dev/full').returncode == 2
    assert in_shell('"$@" --nonsense 2>&-').returncode == 2


def test_what_libraries_print_goes_into_no_file_of_the_run_where_an_output_is_closed():
    code = "import os; from compress.cli.start import _open_standard_streams as opened; opened(); print('x'); "
    code += "import sys; sys.stderr.write('y'); sys.exit(os.open('/dev/null', os.O_RDONLY))"
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        shell = ["bash", "-c", f'exec "$@" {closed}', "-", sys.executable, "-c", code]
        assert subprocess.run(shell, check=False, env=ENVIRONMENT).returncode > 2


def test_an_encoding_without_the_letters_shows_numbers_and_json_is_utf_8(tmp_path):
    (tmp_path / "h\u00e9").mkdir()
    for folder in ("h\u00e9", "a\udcff"):
        (tmp_path / folder).mkdir(exist_ok=True)
    shell = f'"${{@:1:3}}" list runs {tmp_path} '
    shown = in_shell(shell, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0
    assert b"h\\xe9: " in shown.stdout
    assert b"a\\xff: " in shown.stdout
    as_json = in_shell(shell + "--json", PYTHONIOENCODING="ascii")
    names = {run["name"] for run in json.loads(as_json.stdout.decode())["runs"]}
    assert names == {"h\u00e9", "a\udcff"}


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
import compress.__main__
"""


@pytest.mark.parametrize(
    "module", ["compress.cli.main", "rich.console", "compress.settings.config", "compress.cli.run"]
)
def test_ctrl_c_while_it_is_imported_leaves_no_traceback(module):
    command = [sys.executable, "-c", INTERRUPTED, module]
    done = subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (130, b"stopped before anything was written\n")
