"""Each documented bad input, through the real command line: its message, its exit code, and nothing left behind."""

import json
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from compress.report.run_list import list_runs
from models_zoo.zoo import build_network
from tests.helpers.command import compress
from tests.helpers.runs import tiny_flags


@dataclass(frozen=True)
class Case:
    """Changed settings, a part of the message, the exit code."""

    changes: dict[str, object]
    message: str
    code: int


SETTINGS = {
    "an unknown network": Case({"arch": "squeezenett"}, "did you mean squeezenet", 2),
    "an unknown data set": Case({"dataset": "fashon-sample"}, "did you mean 'fashion-sample'?", 2),
    "a ratio above one": Case({"keep-macs": 1.5}, "--keep-macs: expected a fraction between 0 and 1", 2),
    "a ratio of zero": Case({"keep-macs": 0}, "--keep-macs: expected a fraction between 0 and 1", 2),
    "no number": Case({"keep-macs": "half"}, "Invalid value for '--keep-macs': expected a number, got 'half'", 2),
    "a budget that cannot be met": Case({"keep-macs": 0.001}, "the smallest network keeps", 2),
    "an image too small": Case(
        {"arch": "alexnet"}, "alexnet needs images of at least 63 pixels, got --image-size 24", 2
    ),
    "no such device": Case({"device": "gpu"}, "expected a device such as cpu, cuda", 2),
    "no such folder": Case({"dataset": "./no such folder"}, "expected an image folder at ./no such folder", 4),
    "no such weights": Case({"weights": "/no/such.pt"}, "no weights file at /no/such.pt", 4),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings(images, tmp_path, name):
    case = SETTINGS[name]
    _refused(tmp_path, case.code, case.message, *tiny_flags(images, **case.changes))


def test_an_existing_run_is_neither_resumed_nor_replaced(images, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    done = compress("run", *tiny_flags(images, out=finished))
    assert done.returncode == 2
    assert "holds a run already: go on with --resume" in done.stderr
    assert "or replace it with --overwrite" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


@pytest.mark.parametrize("flags", [[], ["--overwrite"]])
def test_a_folder_that_is_no_run_is_never_written_to(images, tmp_path, flags):
    (tmp_path / "thesis.txt").write_text("my only copy")
    done = compress("run", *tiny_flags(images, out=tmp_path), *flags)
    assert done.returncode == 2
    assert f"{tmp_path} is not empty and is not a run folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_run_folder_that_cannot_be_made(images, tmp_path):
    """Below a file: that is refused to root as well, whom permissions do not stop."""
    (tmp_path / "file").write_text("")
    done = compress("run", *tiny_flags(images, out=tmp_path / "file" / "run"))
    assert done.returncode == 5
    assert f"cannot create {tmp_path / 'file' / 'run'}: Not a directory; choose another folder" in done.stderr


def _empty_class(data: Path) -> str:
    for path in (data / "train" / "dark").iterdir():
        path.unlink()
    return f"one or more elsewhere in {data}, got\n  train/dark: 0"


def _truncated(data: Path) -> str:
    path = data / "test" / "bright" / "7.png"
    path.write_bytes(path.read_bytes()[:-60])
    return f"{path}: "


def _no_train(data: Path) -> str:
    shutil.rmtree(data / "train")
    return f"expected train/ and test/ (or val/) with class folders in {data}, or class folders alone, got test/"


def _other_classes(data: Path) -> str:
    (data / "test" / "dark").rename(data / "test" / "drak")
    return "missing ['dark'], unexpected ['drak']"


@pytest.mark.parametrize("damage", [_empty_class, _truncated, _no_train, _other_classes])
def test_unfit_images(images, tmp_path, damage):
    data = tmp_path / "images"
    shutil.copytree(images, data)
    said = damage(data)
    _refused(tmp_path, 4, said, *tiny_flags(data))


def test_weights_of_another_network(images, tmp_path):
    file = tmp_path / "other.pt"
    torch.save(build_network("squeezenet1_0", classes=3, channels=1, image_size=24).state_dict(), file)
    message = _refused(tmp_path, 4, f"{file} does not fit the network", *tiny_flags(images, weights=file))
    assert "features.0.weight is (96, 1, 7, 7), expected (64, 1, 3, 3)" in message
    assert "missing: features.11.expand1x1.bias" in message
    assert "Is it another network" in message


class Trap:
    """What an attacker puts into a pickle: reading it calls a function of his choice."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("write", [lambda v, f: f.write_bytes(pickle.dumps(v)), torch.save], ids=["pickle", "torch"])
def test_weights_that_would_run_code(images, tmp_path, write):
    sprung, file = tmp_path / "sprung", tmp_path / "weights.pt"
    write(Trap(sprung), file)
    _refused(tmp_path, 4, "loading it would run code, which is refused", *tiny_flags(images, weights=file))
    assert not sprung.exists()


def test_a_network_that_learns_nothing_is_not_pruned(tmp_path):
    data = tmp_path / "noise"
    generator = torch.Generator().manual_seed(0)
    for index in range(160):
        folder = data / ("test" if index % 4 == 3 else "train") / "ab"[index // 4 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(256, (24, 24), dtype=torch.uint8, generator=generator)
        Image.fromarray(pixels.numpy()).save(folder / f"{index}.png")
    done = compress("run", *tiny_flags(data, baseline_epochs=1, out=tmp_path / "run"), "--json")
    assert done.returncode == 6
    assert "the network has not left chance: 50.0% on " in json.loads(done.stdout)["error"]["message"]
    assert not (tmp_path / "run/03_search").exists()
    (run,) = list_runs(tmp_path / "run")
    assert run.state == "failed"
    assert run.problem == json.loads(done.stdout)["error"]["message"]


def _refused(tmp_path: Path, code: int, said: str, *flags: str) -> str:
    """The message, on stderr and as a document on stdout, of a run that was refused and left no folder."""
    before = sorted(tmp_path.rglob("*"))
    done = compress("run", *flags, "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["schema_version"] == "1.0"
    assert (done.returncode, document["error"]["exit_code"]) == (code, code), done.stderr
    message = document["error"]["message"]
    assert said in message
    assert f"Error: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    return message
