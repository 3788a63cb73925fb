"""Each documented bad input, through the real command line: its message, its exit code, and nothing left behind."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from compress.report.run_list import list_runs
from models_zoo.zoo import build_network
from tests.helpers.command import compress
from tests.helpers.runs import tiny_flags


@pytest.mark.parametrize(
    ("changes", "message", "code"),
    [
        ({"arch": "squeezenett"}, "did you mean squeezenet", 2),
        ({"keep-macs": "half"}, "Invalid value for '--keep-macs': expected a number, got 'half'", 2),
        ({"keep-macs": 1.5}, "--keep-macs: expected ", 2),
        ({"dataset": "fashon-sample"}, "did you mean 'fashion-sample'?", 2),
        ({"keep-macs": 0.001}, "the smallest network keeps", 2),
        ({"arch": "alexnet"}, "alexnet needs images of at least 63 pixels, got --image-size 24", 2),
        ({"device": "gpu"}, "expected a device such as cpu, cuda", 2),
        ({"dataset": "./no such folder"}, "expected an image folder at ./no such folder", 4),
        ({"weights": "/no/such.pt"}, "no weights file at /no/such.pt", 4),
    ],
)
def test_wrong_settings(images, tmp_path, changes, message, code):
    _refused(tmp_path, code, message, *tiny_flags(images, **changes))


def test_an_existing_run_is_neither_resumed_nor_replaced(images, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    done = compress("run", *tiny_flags(images, out=finished))
    assert done.returncode == 2
    assert "holds a run already: go on with --resume" in done.stderr
    assert "or replace it with --overwrite" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


@pytest.mark.parametrize(
    ("out", "flags", "code", "message"),
    [
        (".", [], 2, ". is not empty and is not a run folder"),
        (".", ["--overwrite"], 2, ". is not empty and is not a run folder"),
        ("a.txt/run", [], 5, "cannot create a.txt/run: Not a directory; choose another folder"),  # also as root
    ],
)
def test_a_folder_that_is_no_run_is_never_written_to(images, tmp_path, out, flags, code, message):
    (tmp_path / "a.txt").write_text("my only copy")
    _refused(tmp_path, code, message, *tiny_flags(images, out=out), *flags)


def test_unfit_images(images, tmp_path):
    data = shutil.copytree(images, tmp_path / "images")
    truncated = data / "test/bright/7.png"
    truncated.write_bytes(truncated.read_bytes()[:-60])
    _refused(tmp_path, 4, f"{truncated}: ", *tiny_flags(data))
    shutil.rmtree(data / "train")
    message = f"expected train/ and test/ (or val/) with class folders in {data}, or class folders alone, got test/"
    _refused(tmp_path, 4, message, *tiny_flags(data))


def test_weights_of_another_network(images, tmp_path):
    file = tmp_path / "other.pt"
    torch.save(build_network("squeezenet1_0", classes=3, channels=1, image_size=24).state_dict(), file)
    message = _refused(tmp_path, 4, f"{file.name} does not fit the network", *tiny_flags(images, weights=file))
    assert "features.0.weight is (96, 1, 7, 7), expected (64, 1, 3, 3)" in message
    assert "missing: features.11.expand1x1.bias" in message


def test_a_network_that_learns_nothing_is_not_pruned(tmp_path):
    data = tmp_path / "noise"
    generator = torch.Generator().manual_seed(0)
    for index in range(160):
        folder = data / ("test" if index % 4 == 3 else "train") / "ab"[index // 4 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(256, (24, 24), dtype=torch.uint8, generator=generator)
        Image.fromarray(pixels.numpy()).save(folder / f"{index}.png")
    done = compress("run", *tiny_flags(data, epochs=2, search_start=1, search_end=2, out=tmp_path / "run"), "--json")
    assert done.returncode == 6
    assert "the network has not left chance: 50.0% on " in json.loads(done.stdout)["error"]["message"]
    assert not (tmp_path / "run/03_search").exists()
    (run,) = list_runs(tmp_path / "run")
    assert (run.state, run.problem) == ("failed", json.loads(done.stdout)["error"]["message"])


def _refused(tmp_path: Path, code: int, part: str, *flags: str) -> str:
    """The message, on stderr and as a document on stdout, of a run that was refused and left no folder."""
    before = sorted(tmp_path.rglob("*"))
    done = compress("run", *flags, "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["schema_version"] == "1.0"
    assert (done.returncode, document["error"]["exit_code"]) == (code, code), done.stderr
    message = document["error"]["message"]
    assert part in message
    assert f"Error: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    return message
