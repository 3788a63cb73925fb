"""What the kit for a device takes along runs with Python 3.9, numpy and onnxruntime alone."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMING = ("exporters.measure.latency", "exporters.read.session")
LAYERS = ("exporters.measure.layer_times",)
PROGRAM = ("exporters.device.command", "exporters.device.measure")


def file_of(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(tree: ast.Module) -> set[str]:
    """Full names of the modules that a file imports anywhere."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module}
    return names


def needed(starts: tuple[str, ...]) -> set[str]:
    """The modules, those they import of ``exporters``, and so on, with their packages."""
    waiting, found = [*starts], set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            ours = {name for name in imported(ast.parse(file_of(module).read_text())) if name.startswith("exporters")}
            waiting += [*ours, *([module.rpartition(".")[0]] if "." in module else [])]
    return found


@pytest.mark.parametrize("module", sorted(needed((*TIMING, *LAYERS, *PROGRAM))))
def test_it_is_python_3_9_and_imports_nothing_but_numpy_and_onnxruntime(module):
    text = file_of(module).read_text()
    tree = ast.parse(text, feature_version=(3, 9))
    packages = {name.split(".")[0] for name in imported(tree)}
    assert packages <= {*sys.stdlib_module_names, "numpy", "onnxruntime", "exporters"}
    assert not {"scipy", "onnx", "torch"} & packages
    later = [node for node in ast.walk(tree) if isinstance(node, ast.Match | ast.TryStar)]
    assert not later, "from Python 3.10 and 3.11 on"
    if " | " in text:  # a union in an annotation is computed when the module is imported, from 3.10 on
        assert "from __future__ import annotations" in text


def test_the_timing_needs_these_modules():
    assert needed(TIMING) == {
        "exporters", "exporters.errors", "exporters.measure", "exporters.measure.latency",
        "exporters.measure.latency_results", "exporters.measure.scheduling", "exporters.measure.student",
        "exporters.measure.timed_call", "exporters.read", "exporters.read.session", "exporters.read.signature",
    }  # fmt: skip
