"""The arrows of the house, read from the imports (CONTRIBUTING.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(file for package in ("compress", "exporters", "models_zoo") for file in (ROOT / package).rglob("*.py"))
EVERY_FILE = sorted(
    file
    for package in ("compress", "exporters", "models_zoo", "benchmarks", "scripts", "tests")
    for file in (ROOT / package).rglob("*.py")
)

# What lives on which floor; a module imports its own floor and those below.
FLOORS = {
    "errors": 0, "config": 0, "setting_errors": 0, "observer": 0, "layers": 0, "tracing": 0,
    "channels": 1, "data": 1, "runs": 1, "environment": 1, "eta": 1,
    "edropout": 2, "controls": 2, "structure": 2, "training": 2, "verify": 2, "report": 2, "doctor": 2,
    "networks": 0, "settings": 2,
    "loading": 3, "verdict": 3,
    "stages": 3,
    "pipeline": 4, "dry_run": 4, "race": 5,
    "cli": 6, "__main__": 7, "__init__": 3,
}  # fmt: skip

# A third-party package -> the only places that import it.
ONLY_IN = {
    "typer": ("compress/cli/",),
    "rich": ("compress/cli/", "compress/report/"),
    "onnx": ("exporters/",),
    "onnxscript": ("exporters/",),
    "onnxruntime": ("exporters/",),
    "torchvision": ("models_zoo/torchvision_mend.py",),
    "timm": ("models_zoo/timm_models.py",),
    "matplotlib": ("compress/report/html/",),
    "jinja2": ("compress/report/html/",),
    "scipy": ("compress/data/matlab.py", "compress/report/race/standings.py"),
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
    """The first name under ``compress``; the package itself is ``""``."""
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_imports_follow_the_arrows(file):
    home = list(file.relative_to(ROOT).with_suffix("").parts)
    for name in imports(file):
        parts = name.split(".")
        if home[0] != "compress":
            assert parts[0] != "compress", f"{home[0]} is a leaf: it may not import {name}"
            assert parts[0] in (home[0], "models_zoo") or parts[0] not in ("exporters", "models_zoo"), name
        elif parts[0] == "compress" and room(parts) in FLOORS:
            mine, theirs = room(home), room(parts)
            assert mine in FLOORS, f"give {mine} a floor in this test"
            assert FLOORS[theirs] <= FLOORS[mine], f"{mine} may not import {name}"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_a_package_has_one_door(file):
    mended = "models_zoo.torchvision_mend.torchvision" in imports(file)
    for name in imports(file):
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


@pytest.mark.parametrize("file", EVERY_FILE, ids=relative)
def test_files_and_functions_are_short(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name
