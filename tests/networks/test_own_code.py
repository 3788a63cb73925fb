"""A user's function, named or handed over, and the messages where its code fails."""

import functools
import hashlib
import sys
from pathlib import Path

import pytest

from compress.errors import UsageError
from compress.networks.own_code import OwnCode, explaining, import_code, resolve_spec, wrap_code


@pytest.fixture(autouse=True)
def imports_undone(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("spec", ["nets/tiny.py:Net", "nets.tiny:Net"])
def test_a_file_by_path_and_a_package_from_the_working_folder(tmp_path, monkeypatch, spec):
    write(tmp_path / "nets/__init__.py", "")
    file = write(tmp_path / "nets/tiny.py", "class Net:\n    def __init__(self, n):\n        self.n = n\n")
    monkeypatch.chdir(tmp_path)
    code = import_code(spec)
    assert code.build(7).n == 7
    assert (code.spec, code.file) == (spec, "tiny.py")
    assert code.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    absolute = f"{tmp_path}/{spec}" if "/" in spec else spec
    assert resolve_spec(spec) == absolute


def test_a_file_sees_its_neighbours_and_shadows_no_module_of_pythons(tmp_path):
    write(tmp_path / "parts_of_it.py", "WIDTH = 3\n")
    write(tmp_path / "json.py", "from parts_of_it import WIDTH\ndef build(n):\n    return WIDTH\n")
    assert import_code(f"{tmp_path}/json.py:build").build(7) == 3
    assert hasattr(sys.modules["json"], "dumps")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        *((spec, "expected --model as path/file.py:build or package") for spec in ("x.py", ":build", "x:")),
        ("none.py:build", r"expected a Python file at none.py, got none"),
        ("no_such_package.nets:build", r"importing no_such_package.nets failed:\nModuleNotFoundError"),
        ("tiny.py:build", r"build is not there; it has make$"),
        ("tiny.py:size", r"size is no function; it has make$"),
    ],
)
def test_a_spec_without_a_function_is_refused(tmp_path, monkeypatch, spec, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tiny.py", "from pathlib import Path\nsize = 3\ndef make(n): ...\n")
    with pytest.raises(UsageError, match=message):
        import_code(spec)


FAULTS = {
    "1 / 0": "ZeroDivisionError: division by zero",
    "def build(:": "SyntaxError",
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "raise SystemExit(3)": "SystemExit: 3",
    "raise type('Strange', (BaseException,), {})('weird')": "Strange: weird",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_in_the_file_is_shown_with_its_line(tmp_path, text):
    file = write(tmp_path / "broken.py", f"\n{text}\n")
    with pytest.raises(UsageError) as caught:
        import_code(f"{file}:build")
    message = str(caught.value)
    assert message.startswith(f"importing {file} failed:\n")
    assert FAULTS[text] in message
    assert f'File "{file}", line 2' in message
    assert "importlib" not in message
    assert "own_code.py" not in message
    assert "compress_own_broken" not in sys.modules


def test_only_the_last_of_their_lines_are_shown():
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise KeyError("end")

    with pytest.raises(UsageError) as caught, explaining("net.build(10)"):
        deep(20)
    assert str(caught.value).startswith("net.build(10) failed:\n")
    assert str(caught.value).count("File ") == 3
    assert str(caught.value).endswith("KeyError: 'end'")
    for kind in (KeyboardInterrupt, MemoryError):  # no faults of the user's code
        with pytest.raises(kind), explaining("x"):
            raise kind


def test_a_function_that_is_handed_over():
    code = wrap_code(write)  # type: ignore[arg-type]
    assert (code.spec, code.build, code.file) == ("", write, "test_own_code.py")
    assert code.sha256 == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    factory = functools.partial(write)
    assert wrap_code(factory) == OwnCode("", factory)  # type: ignore[arg-type]
