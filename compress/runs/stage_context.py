"""``StageContext``: what every stage works with. A stage computes once, saves, and continues from what is saved."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.data.bundle import DataBundle
from compress.errors import BadInputError, InterruptedRun
from compress.networks.find import find_network
from compress.observer import Observer
from compress.runs import STAGES, RunFolder
from compress.settings.config import DecidedConfig
from compress.structure.trial_cuts import find_checked_units
from compress.training.loop import LoopHooks, LoopSettings

CHECK_IMAGES = 64
"""Test images on which masked and smaller network, and torch and onnxruntime, are compared."""


@dataclass(frozen=True)
class StageContext:
    """Settings, data and run folder of one run, and how it reports and learns that it should stop."""

    config: DecidedConfig
    data: DataBundle
    run: RunFolder
    observer: Observer
    should_stop: Callable[[], int | None]

    def new_network(self) -> nn.Module:
        """The run's network with fresh weights: the same ones every time it is called."""
        return fresh_network(self.config, self.data)

    def check_images(self) -> Tensor:
        """Real images (B, C, H, W) for the equality checks, on the run's device."""
        return check_images(self.config, self.data)

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in one pass over the training split."""
        return self.data.train.steps(self.config.batch_size)

    @contextmanager
    def stage(self, name: str, *, steps: int = 0) -> Iterator[None]:
        """Announce a stage, seed it, time it, and record that it is finished.

        Raises:
            InterruptedRun: a stop was asked for before it began.
        """
        signal_number = self.should_stop()
        if signal_number is not None:
            raise InterruptedRun("stopped", signal_number=signal_number)
        self.observer.stage(name, index=STAGES.index(name) + 1, count=len(STAGES), steps=steps)
        self.run.event("stage", name=name)
        torch.manual_seed(self.config.seed * len(STAGES) + STAGES.index(name))
        began = time.monotonic()
        yield
        self.run.finish(name, time.monotonic() - began)
        self.run.drop_checkpoint(name)

    def loop_settings(self, name: str, epochs: int) -> LoopSettings:
        """Loop settings of a stage; every stage has its own data order."""
        seed = self.config.seed * len(STAGES) + STAGES.index(name)
        return LoopSettings(epochs, self.config.batch_size, seed, self.config.device)

    def hooks(self, name: str) -> LoopHooks:
        """Progress, stop and checkpoints of a stage."""
        return LoopHooks(
            observer=self.observer,
            should_stop=self.should_stop,
            save=lambda state: self.run.save_checkpoint(name, state),
            load=lambda: self.run.load_checkpoint(name),
        )

    def save_network(self, rel: str, network: nn.Module) -> None:
        """Keep a network's weights."""
        self.run.save_tensors(rel, network.state_dict())

    def load_network(self, rel: str, network: nn.Module) -> nn.Module:
        """A copy of ``network`` with kept weights."""
        loaded = copy.deepcopy(network)
        loaded.load_state_dict(self.run.load_tensors(rel))
        return loaded


def check_images(config: DecidedConfig, data: DataBundle) -> Tensor:
    """The first test images (B, C, H, W), on the run's device."""
    images, _labels = next(iter(data.test.batches(CHECK_IMAGES)))
    return images.to(config.device)


def check_same_images(run: RunFolder, data: DataBundle, dataset: str) -> None:
    """Raise BadInputError where the images are not those the run began with."""
    if run.read_json("data.json")["fingerprint"] != data.fingerprint:
        raise BadInputError(
            f"the images of {dataset} are not those this run began with: restore them, or start a new run"
        )


def fresh_network(config: DecidedConfig, data: DataBundle) -> nn.Module:
    """The network of a run with fresh weights, by its seed, on its device."""
    torch.manual_seed(config.seed)
    network = find_network(config.arch, model=config.model, code=config.code).build(
        classes=len(data.classes),
        channels=data.preprocessing.channels,
        image_size=data.preprocessing.image_size,
    )
    return on_device(network, config.device)


def on_device(network: nn.Module, device: str) -> nn.Module:
    """Move a network, channels last: 1.3 to 3 times faster to train on CPUs than torch's default layout."""
    moved = network.to(device)
    for tensor in (*moved.parameters(), *moved.buffers()):
        if tensor.dim() == 4:  # Module.to would also try this layout on the weights of a 3-D convolution, and fail
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return moved


def find_prunable(config: DecidedConfig, network: nn.Module, images: Tensor) -> Prunable:
    """Find the units of a network and check that the budget can be met.

    Args:
        config: decided settings.
        network: the run's network; left as it was.
        images: a batch (B, C, H, W).

    Raises:
        UsageError: nothing can be pruned, or not that far.
    """
    units = find_checked_units(network, images, seed=config.seed)
    budget = Budget(macs=config.keep_macs, parameters=config.keep_params)
    prunable = Prunable.measure(network, units, images, align=config.align, budget=budget)
    prunable.check_reachable()
    return prunable


def weights_file(stage: str) -> str:
    """Where a stage keeps its network's weights in the run folder."""
    return str(Path(stage) / "weights.safetensors")
