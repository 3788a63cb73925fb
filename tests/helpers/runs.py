"""Tiny runs: settings with which SqueezeNet learns the folder of ``images.py`` in seconds, and what runs leave."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from compress.data.bundle import DataBundle
from compress.data.load import load_data
from compress.errors import InterruptedRun
from compress.networks.own_code import import_code
from compress.observer import Observer
from compress.run.pipeline import run_pipeline
from compress.runs import RunFolder
from compress.runs.file_records import FileRecord
from compress.settings.config import RunConfig
from compress.structure.plan import PruningPlan
from compress.structure.remove import cut
from models_zoo.zoo import build_network
from tests.helpers import small_network

SETTINGS = {
    "arch": "squeezenet",
    "image_size": 24,
    "batch_size": 16,
    "align": 8,
    "epochs": 6,
    "search_start": 3,
    "search_end": 5,
    "threads": 1,
}
RESULTS = ("03_search/plan.json", "05_finetune/weights.safetensors", "artifacts/original.onnx", "artifacts/pruned.onnx")


def tiny_config(images: Path, **changes: object) -> RunConfig:
    return RunConfig(**(SETTINGS | {"dataset": str(images)} | changes))


SMALL = import_code(small_network.SPEC)


def small_config(images: Path, **changes: object) -> RunConfig:
    """``tiny_config`` for ``SMALL``."""
    own = {"arch": "small_network.build", "model": SMALL.spec}
    return tiny_config(images, **own | changes).with_code(SMALL)


def tiny_flags(images: Path, **changes: object) -> list[str]:
    values = SETTINGS | {"dataset": images} | changes
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def checksums(run: Path) -> dict[str, str]:
    """sha256 of what a run is for: its plan, its weights, its files."""
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in RESULTS}


def loaded(run: Path) -> tuple[RunConfig, DataBundle]:
    config = RunFolder.open(run).read_config()
    return config.with_code(SMALL if config.model else None), load_data(config)


def whole_network(run: Path, weights: str) -> nn.Module:
    """The run's network before the cut, in eval mode, with weights of one of its stages."""
    network = _built(run)
    network.load_state_dict(RunFolder.open(run).load_tensors(weights))
    return network.eval()


def small_network(run: Path, example: Tensor) -> nn.Module:
    """The pruned network in eval mode, rebuilt from the plan and the weights alone."""
    folder = RunFolder.open(run)
    network = cut(_built(run), PruningPlan.from_json(folder.read_text("04_remove/plan.json")), example)
    network.load_state_dict(folder.load_tensors("05_finetune/weights.safetensors"))
    return network.eval()


def stop_run(config: RunConfig, at: tuple[str, int], *, out: Path, **options: Any) -> "StopAt":
    """Run until a stop is asked for after one step of one stage; returns the observer."""
    observer = StopAt(*at)
    with pytest.raises(InterruptedRun, match="compress run --resume") as stopped:
        run_pipeline(config, out=out, observer=observer, should_stop=observer.should_stop, **options)
    assert stopped.value.exit_code == 143
    return observer


def record(**changes: object) -> FileRecord:
    """The record of an ONNX file that nobody opens."""
    fields = {
        "label": "original", "role": "original", "file": "artifacts/original.onnx", "sha256": "a" * 64,
        "size_bytes": 1000, "precision": "fp32", "macs": 100, "parameters": 10, "epochs": 3,
    }  # fmt: skip
    return FileRecord(**fields | changes)


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _built(run: Path) -> nn.Module:
    config, data = loaded(run)
    shown = data.preprocessing
    if config.model:
        return SMALL.build(len(data.classes)).eval()
    return build_network(
        config.arch, classes=len(data.classes), channels=shown.channels, image_size=shown.image_size
    ).eval()


class StopAt(Observer):
    """An observer that asks for a stop after one step of one stage; ``notes`` are what it was told."""

    def __init__(self, stage: str, step: int) -> None:
        self._wanted = (stage, step)
        self._at = ("", 0)
        self.notes: list[str] = []

    def stage(self, name: str, *, index: int, count: int, steps: int) -> None:  # noqa: ARG002
        self._at = (name, 0)

    def step(self, done: int, *, images: int, values: Mapping[str, float | str]) -> None:  # noqa: ARG002
        self._at = (self._at[0], done)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def should_stop(self) -> int | None:
        return 15 if self._at == self._wanted else None
