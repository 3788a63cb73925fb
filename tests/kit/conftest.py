"""A kit of two hand-made files, and a Python that has numpy and onnxruntime alone."""

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.exporters.onnx_files import Wanted, classifier, save
from tests.helpers.command import compress
from tests.helpers.datasets import write_image_folder

Measure = Callable[..., subprocess.CompletedProcess[str]]
FILES = {"a.onnx": Wanted(channels=1, classes=3), "b.onnx": Wanted(channels=1, classes=3, seed=1, batch=5)}


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A folder with ``a.onnx``, ``b.onnx`` (fixed batch of 5), ``images`` and ``kit``."""
    folder = tmp_path_factory.mktemp("made")
    write_image_folder(folder / "images", train=4, test=24, size=8)
    for name, wanted in FILES.items():
        save(classifier(wanted, metadata={"mean": "[0.5]", "std": "[0.25]"}), folder / name)
    done = compress(
        "kit", "--original", folder / "a.onnx", "--candidate", folder / "b.onnx", "--dataset", folder / "images",
        "--out", folder / "kit",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory) -> Path:
    """The interpreter of a new virtual environment with links to numpy, onnxruntime and what these need."""
    home = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "env"], check=True)
    (site,) = (home / "env").glob("lib/python*/site-packages")
    here = Path(sysconfig.get_paths()["purelib"])
    for package in ("numpy", "onnxruntime"):
        for top in {file.parts[0] for file in metadata.files(package) or () if file.parts[0] != ".."}:
            (site / top).symlink_to(here / top)
    return home / "env/bin/python"


@pytest.fixture(scope="session")
def measure(bare_python) -> Measure:
    """Run a kit's program in the bare environment."""

    def run(kit: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(bare_python), str(kit / "measure.py"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "1"})

    return run
