"""The arrows of the house, read from the imports (CONTRIBUTING.md)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ("compress", "exporters", "models_zoo")
FILES = sorted(file for package in LIBRARY for file in (ROOT / package).rglob("*.py"))
REST = sorted(file for package in ("benchmarks", "scripts", "tests") for file in (ROOT / package).rglob("*.py"))

# Every room has a floor; a module imports its own room and rooms on lower floors, also for type checking.
FLOORS = {
    "exporters": 1, "models_zoo": 1, "errors": 1, "escaping": 1, "lists": 1, "observer": 1, "statistics": 1,
    "stopping": 1, "version": 1,
    "atomic": 2, "download": 2, "exporter_faults": 2, "environment": 2, "json_text": 2,
    "networks": 2, "reading_limits": 2, "tracing": 2,
    "settings": 3, "channels": 3, "doctor": 3,
    "data": 4, "structure": 4, "weights_files": 4,
    "target": 5, "training": 5,
    "edropout": 6, "runs": 6,
    "controls": 7, "report": 7,
    "verdict": 8, "curves": 8,
    "run": 9,
    "export": 10, "kit": 10, "race": 10,
    "api": 11, "cli": 11,
    "__init__": 12, "__main__": 12, "lightning": 12,
}  # fmt: skip

# All printing: names pass through compress.escaping there.
PRINTING = ("compress/cli/output.py", "compress/cli/progress.py", "compress/report/terminal.py")

# A third-party package -> the only places that import it.
ONLY_IN = {
    "typer": ("compress/cli/",),
    "rich": PRINTING,
    "onnx": ("exporters/",),
    "onnxscript": ("exporters/",),
    "onnxruntime": ("exporters/",),
    "torchvision": ("models_zoo/torchvision_mend.py",),
    "timm": ("models_zoo/timm_models.py",),
    "torch_pruning": ("compress/structure/",),
    "matplotlib": ("compress/report/plots/",),
    "tensorboard": ("compress/curves/",),
    "mlflow": ("compress/curves/",),
    "lightning": ("compress/lightning.py",),
    "jinja2": ("compress/report/html/",),
    "scipy": ("compress/target/", "compress/data/formats.py", "compress/statistics.py"),
}


def imports(file):
    """Full names imported anywhere in a file: ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def relative(file):
    return file.relative_to(ROOT).as_posix()


def room(parts):
    """The room that a module is in; names from outside have none."""
    if parts[0] in ("exporters", "models_zoo"):
        return parts[0]
    return (parts[1] if len(parts) > 1 else "__init__") if parts[0] == "compress" else None


def test_every_room_has_one_of_twelve_floors():
    assert max(FLOORS.values()) <= 12
    assert {room(file.relative_to(ROOT).with_suffix("").parts) for file in FILES} == {*FLOORS}


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_no_import_runs_up_and_a_package_has_one_door(file):
    mine, names = room(file.relative_to(ROOT).with_suffix("").parts), list(imports(file))
    mended = "models_zoo.torchvision_mend.torchvision" in names
    for name in names:
        theirs = room(name.split("."))
        if theirs is not None and theirs != mine:
            assert FLOORS[theirs] < FLOORS[mine], f"{mine} may not import {name}"
        package = name.split(".")[0]
        places = ONLY_IN.get(package)
        if package == "torchvision" and mended:
            continue  # a submodule, after the mended package
        assert places is None or relative(file).startswith(places), f"{name} is imported only in {places}"
        assert package != "click", "typer brings its own"


@pytest.mark.parametrize("file", [file for file in FILES if "cli" not in file.parts], ids=relative)
def test_the_library_never_prints_nor_exits(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), f"line {node.lineno}: {called}"


CONSTANT = {
    "compress/cli/interrupts.py": "os.write",
    "compress/cli/start.py": "os.write",
    "exporters/device/measure.py": "sys.stderr.write",
    "exporters/measure/memory.py": "sys.stdout.write",
    "exporters/read/try_out.py": "sys.stdout.write",
}
"""Who writes elsewhere: notices of signal handlers, child processes to their parent, a kit's program before imports."""


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_names_reach_a_terminal_only_where_they_are_escaped(file):
    for node in ast.walk(ast.parse(file.read_text())):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if relative(file) not in PRINTING:
            written = re.search(
                r"\bprint$|\becho$|\bstd(out|err)\b.*\bwrite|^os\.write$|print_exc|warnings\.show", called
            )
            assert not written or called == CONSTANT.get(relative(file)), f"line {node.lineno}: {called}"
        elif called in ("Text", "_text"):
            assert "printable" in ast.unparse(node.args[0]) or called == "_text", f"line {node.lineno}"
        elif called.endswith(".print"):
            assert isinstance(node.args[0], ast.Name | ast.Call), f"line {node.lineno}: text that is not escaped"


@pytest.mark.parametrize("file", [*FILES, *REST], ids=relative)
def test_files_and_functions_are_short(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name
