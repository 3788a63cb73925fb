"""onnxruntime's telemetry is off, as seen from outside: no file appears, and no socket is opened."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.datasets import write_image_folder

ROOT = Path(__file__).parents[2]
SESSION = """
import time, onnxruntime
from tests.exporters.onnx_files import classifier
onnxruntime.InferenceSession(classifier().SerializeToString())
"""
FIRST_LOOK_UP = 9  # seconds after the first session, measured with telemetry on
TELEMETRY_FILES = {"deviceid", "onnxruntime.db", ".ses"}
SOCKETS = re.compile(r"\b(?:socket|connect|sendto|sendmsg)\(.*(?:AF_INET|nscd)")


@pytest.fixture
def home(tmp_path):
    """A folder for all that a process may write outside its working folder."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def python(code: str, home: Path, *, before: tuple[str, ...] = ()) -> None:
    """Run ``code`` in an environment of its own: where CI=true, onnxruntime sends nothing anyway."""
    places = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    env = dict.fromkeys(places, str(home)) | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    env |= {"PATH": os.environ.get("PATH", os.defpath), "LOGNAME": "user"}  # without a name, Python asks the system's
    done = subprocess.run([*before, sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def network_calls(code: str, home: Path) -> list[str]:
    """The system calls of a process and its children that lead to the network or to a name server."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = home.parent / "trace"
    python(code, home, before=("strace", "-f", "-qq", "-e", "trace=network,openat", "-o", str(trace)))
    lines = trace.read_text().splitlines()
    assert lines
    return [line for line in lines if SOCKETS.search(line) or "resolv.conf" in line]


def telemetry_files(home: Path) -> set[str]:
    """Those that onnxruntime's telemetry left; other libraries keep caches of their own, such as of fonts."""
    return {path.name for path in home.rglob("*")} & TELEMETRY_FILES


@pytest.mark.parametrize("entry", ["import compress", "import exporters.read.session"])
def test_a_session_leaves_no_file(entry, home):
    python(entry + SESSION, home)
    assert not list(home.iterdir())


def test_the_check_finds_the_files_where_telemetry_is_on(home):
    python("import exporters, os; del os.environ['ORT_DISABLE_TELEMETRY']" + SESSION, home)
    assert telemetry_files(home) == TELEMETRY_FILES


def test_a_session_opens_no_socket(home):
    assert network_calls("import compress" + SESSION, home) == []


def test_the_check_finds_a_connection_and_a_look_up(home):
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9)); open('/etc/resolv.conf')"
    found = network_calls(code, home)
    assert any("connect(" in line for line in found)
    assert any("resolv.conf" in line for line in found)


@pytest.mark.slow  # waits for longer than the first look-up takes
def test_a_process_that_stays_looks_nothing_up(home):
    assert network_calls(f"import compress.lightning{SESSION}time.sleep({FIRST_LOOK_UP + 6})", home) == []
    assert telemetry_files(home) == set()


@pytest.mark.slow  # a whole command, with the processes that it starts
def test_a_command_sends_nothing(home, tmp_path):
    write_image_folder(tmp_path / "images", train=8, test=8, size=8)
    code = f"""
import sys
from pathlib import Path
from tests.exporters.onnx_files import Wanted, classifier, save
path = str(save(classifier(Wanted(channels=1, size=(16, 16), classes=3)), Path({str(tmp_path)!r}) / "net.onnx"))
sys.argv = ["compress", "verify", "--original", path, "--candidate", path, "--dataset", {str(tmp_path / "images")!r},
            "--image-size", "16", "--mean", "0.5", "--std", "0.2",
            "--seconds", "12", "--batch-sizes", "1", "--threads", "1"]
from compress.cli.main import main
main()
"""
    assert network_calls(code, home) == []
    assert telemetry_files(home) == set()
