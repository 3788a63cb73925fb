"""Data sets by name, each in its published format, through ``compress run``: the real command line, without a network.

In this process, so that the clock of the latency measurements can be short and the network barred.
"""

import json
import socket

import pytest

from compress.report.store import parse_report
from tests.helpers import datasets
from tests.helpers.command import compress
from tests.helpers.runs import loaded

pytestmark = pytest.mark.usefixtures("short_timing")

FLAGS = """
    --arch squeezenet --image-size 32 --batch-size 16 --align 8 --threads 1 --keep-macs 0.8
    --method l1 --baseline-epochs 5 --search-epochs 1 --finetune-epochs 1
"""  # SqueezeNet has to leave chance: a handful of epochs; l1 goes on from there at once

SETS = {
    "kuzushiji": (datasets.write_kuzushiji, "KMNIST/raw", 1),
    "cifar10": (datasets.write_cifar10, "cifar-10-batches-py", 3),
    "cifar100": (datasets.write_cifar100, "cifar-100-python", 3),
    "flowers": (datasets.write_flowers, "flowers-102", 3),
    "imagenet": (datasets.write_imagenet, ".", 3),
}
CLASSES = {
    "kuzushiji": ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    "cifar10": ["kind 0", "kind 1", "kind 2"],
    "cifar100": ["fine 0", "fine 1", "fine 2"],
    "flowers": ["pink primrose", "hard-leaved pocket orchid", "canterbury bells"],
    "imagenet": ["tench", "English springer", "church"],
}


@pytest.fixture
def offline(monkeypatch) -> None:
    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", SETS)
def test_a_published_format_becomes_a_verified_network(name, tmp_path):
    write, place, channels = SETS[name]
    write(tmp_path / "data" / place)
    run = tmp_path / "run"
    flags = [*FLAGS.split(), "--dataset", name, "--data-dir", tmp_path / "data"]
    done = compress("run", *flags, "--out", run, "--json")
    assert done.returncode == 0, done.stderr
    report = parse_report(done.stdout, source="stdout")
    assert report.data.name == name
    assert list(report.data.classes) == CLASSES[name]
    assert report.data.channels == channels
    facts = json.loads((run / "artifacts/model.json").read_text())
    assert facts["classes"] == CLASSES[name]
    assert report.candidate.kept_macs < 0.85
    note = "val/ is the test set" if name == "imagenet" else f"not the published {name}"
    assert any(note in found for found in loaded(run)[1].notes)
    assert note in done.stderr
    for file in ("report.md", "report.html", "MODEL_CARD.md"):
        assert note in (run / file).read_text()
