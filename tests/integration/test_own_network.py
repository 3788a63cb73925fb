"""A network that is nothing like the zoo's, brought as a file: a whole run, and that nothing on disk makes code run."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

import compress as package
from compress.errors import UsageError
from compress.networks.own_code import import_code
from compress.runs import RunFolder
from compress.settings.config import RunConfig
from tests.helpers.command import compress
from tests.integration.conftest import run_beside_its_output

SOURCE = (Path(__file__).parents[2] / "docs/branches.py").read_text()
SPY = """
from pathlib import Path
Path(__file__).with_suffix(".ran").touch()
print("their debugging output")
"""

FLAGS = [
    *("--image-size", 24, "--batch-size", 16, "--align", 4, "--threads", 1),
    *("--method", "l1", "--epochs", 6, "--search-start", 4, "--search-end", 5),
]


@pytest.fixture(scope="module")
def run(images, shared_folder) -> Path:
    """Treat it as read-only; ``branches.py`` and the command's two outputs lie beside it."""

    def make(root: Path) -> Path:
        (root / "branches.py").write_text(SOURCE + SPY)
        spec, folder = f"{os.path.relpath(root / 'branches.py')}:build", root / "run"
        flags = ("--model", spec, "--dataset", images, *FLAGS, "--out", folder, "--json")
        return run_beside_its_output(folder, *flags)

    return shared_folder("own", make)


@pytest.fixture
def network(run) -> Path:
    return run.parent / "branches.py"


@pytest.fixture
def moved(network, tmp_path) -> Path:
    """The same code elsewhere, for tests that run it: the other worker may be looking whether ``network`` was run."""
    return shutil.copy(network, tmp_path / "branches.py")


def test_it_is_pruned_exported_and_judged_and_its_code_is_on_record(run, network):
    report = json.loads((run.parent / "stdout").read_text())  # what their code prints is not in it
    assert "their debugging output" in (run.parent / "stderr").read_text()
    assert report["run"]["config"]["arch"] == "branches.build"
    assert report["run"]["removal"]["max_abs_difference"] < 1e-4
    assert report["run"]["budget"]["achieved_macs"] <= 0.51
    assert not [note for note in report["notes"] if "is not pruned" in note]
    assert "branches.build gets its images in three channels, a grey one repeated" in report["notes"]
    assert json.loads((run / "artifacts/model.json").read_text())["channels"] == 3
    layers = {layer["name"]: layer for layer in report["run"]["layers"]}
    assert layers["head"]["out_after"] == 3
    assert layers["down"]["out_after"] < layers["down"]["out_before"]
    assert layers["point"]["in_after"] == layers["fine"]["out_after"] in (8, 16, 24, 32)  # two groups of GroupNorm, ...
    assert layers["up"]["in_after"] == layers["down"]["out_after"] == layers["gate.up"]["out_after"]
    folder = RunFolder.open(run)
    assert folder.read_config().model == f"{network}:build"  # an absolute path
    record = folder.read_json("code.json")
    assert record["file"] == "branches.py"
    assert record["sha256"] == hashlib.sha256(network.read_bytes()).hexdigest()


def test_code_that_a_folder_names_is_not_run(run, network, tmp_path):
    ran, copy = network.with_suffix(".ran"), shutil.copytree(run, tmp_path / "run")
    ran.unlink(missing_ok=True)
    for command in (("report", copy), ("list", "runs", tmp_path), ("export", copy, "--fp16", "--no-verify")):
        done = compress(*command)
        assert done.returncode == 0, done.stderr
    settings = ("run", "--config", run / "config.toml", "--dry-run")
    for command in (("verify", run), ("export", run, "--int8"), ("run", "--resume", run), settings):
        done = compress(*command)
        assert done.returncode == 2
        assert f"add --model {network}:build" in done.stderr
    with pytest.raises(UsageError, match="code is run only where a command names it"):
        package.load(run)
    assert not ran.exists()


def test_named_again_it_is_verified_and_a_change_of_the_code_is_noted(run, moved, tmp_path):
    moved.write_text(SOURCE + "# changed\n")
    flags = ("--batch-sizes", 1, "--threads", 1, "--out", tmp_path / "reports", "--json")
    done = compress("verify", run, "--model", f"{moved}:build", *flags)
    assert done.returncode == 0, done.stderr
    notes = json.loads(done.stdout)["notes"]
    assert any(note.startswith("the network's code has changed since the run began: branches.py") for note in notes)
    assert "branches.build gets its images in three channels, a grey one repeated" in notes


def test_with_its_code_it_is_resumed_and_loads_as_a_module(run, moved, monkeypatch):
    done = compress("run", "--resume", run, "--model", f"{moved}:build", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["config"]["arch"] == "branches.build"
    monkeypatch.syspath_prepend(str(moved.parent))
    monkeypatch.delitem(sys.modules, "branches", raising=False)
    from branches import build

    pruned = package.load(run, build=build)
    assert sum(p.numel() for p in pruned.parameters()) < sum(p.numel() for p in build(3).parameters())
    assert pruned(torch.zeros(2, 3, 24, 24)).shape == (2, 3)
    monkeypatch.delitem(sys.modules, "branches")
    with pytest.raises(UsageError, match="the network is squeezenet, which is built by name: drop --model"):
        RunConfig(arch="squeezenet").with_code(import_code(f"{moved}:build"))


FAULTS = {
    "fails": ("def build(classes):\n    return undefined", "NameError: name 'undefined' is not defined"),
    "no logits": ("from torch import nn\ndef build(n):\n    return nn.Conv2d(1, n, 3)", "expected logits (4, 3)"),
    "no ONNX": (
        "from torch import nn\nclass Net(nn.Sequential):\n    def forward(self, x):\n        y = super().forward(x)\n"
        "        return y * 2 if float(y.detach().sum()) > 1e9 else y\n"
        "def build(n):\n    return Net(nn.Flatten(), nn.Linear(576, 32), nn.ReLU(), nn.Linear(32, n))",
        "cannot become an ONNX file",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_their_code_is_no_bug_of_ours(images, tmp_path, fault):
    text, message = FAULTS[fault]
    (tmp_path / "net.py").write_text(text + "\n")
    done = compress("run", "--model", "net.py:build", "--dataset", images, *FLAGS, "--out", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "is a bug in compress" not in done.stderr
    assert not (tmp_path / "run").exists()
