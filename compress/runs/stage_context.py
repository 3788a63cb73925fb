"""``StageContext``: what every stage works with. A stage computes once, saves, and continues from what is saved."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from compress.channels.budget import Budget, Prunable
from compress.data.bundle import DataBundle
from compress.errors import InterruptedRun
from compress.networks.memory import to_channels_last
from compress.observer import Observer
from compress.runs import STAGES, RunFolder
from compress.runs.decide import named_network
from compress.settings.config import DecidedConfig
from compress.structure.trial_cuts import find_checked_units
from compress.target.limit import limit_latency
from compress.target.target import SavedTarget, Target
from compress.training.epochs import Epochs
from compress.training.loop import Body, History, LoopHooks, LoopSettings, run_loop
from compress.training.weights import OptimizerSteps
from exporters.module_copy import copy_module

TARGET = "latency.json"
"""Where the run folder holds the latency model of its target."""

PUSH = "03_push"
"""What observers and reports call the second half of a search's stage, which pushes out what the first half drops."""

PUSHED = "03_search/push.json"
"""Where the run folder holds the numbers of its epochs."""

LATENCY_CHECK = "04_remove/latency.json"
"""Where it holds how fast the cut network was before it was fine-tuned (``LatencyCheck``)."""

CHECK_IMAGES = 64
"""Test images on which masked and smaller network, and torch and onnxruntime, are compared."""


@dataclass(frozen=True)
class StageContext:
    """Settings, data and run folder of one run; where it reports progress and learns that it should stop."""

    config: DecidedConfig
    data: DataBundle
    run: RunFolder
    observer: Observer
    should_stop: Callable[[], int | None]

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in one pass over the training split."""
        return self.data.train.steps(self.config.batch_size)

    @contextmanager
    def stage(self, name: str, *, steps: int = 0) -> Iterator[None]:
        """Announce a stage, seed it, time it, and record that it is finished; InterruptedRun if a stop is asked for."""
        signal_number = self.should_stop()
        if signal_number is not None:
            raise InterruptedRun("stopped", signal_number=signal_number)
        self.announce(name, after=name, steps=steps)
        self.run.event("stage", name=name)
        torch.manual_seed(self._seed(name))
        began = time.monotonic()
        yield
        self.run.finish(name, time.monotonic() - began)

    def announce(self, name: str, *, after: str, steps: int) -> None:
        """Tell the observer of a stage, or of a second half that comes ``after`` the first one of that stage."""
        self.observer.stage(name, index=STAGES.index(after) + 1, count=len(STAGES), steps=steps)

    def train(self, name: str, body: Body, epochs: Epochs) -> History:
        """Run a stage's training loop with its checkpoints; it resumes from the last.

        All stages of a run have one order of the data, so that those which follow each other are one training.
        """
        config = self.config
        settings = LoopSettings(
            epochs.last, config.batch_size, self._seed(STAGES[0]), config.device, first=epochs.first
        )
        hooks = LoopHooks(
            observer=self.observer,
            should_stop=self.should_stop,
            save=lambda state: self.run.save_checkpoint(name, state),
            load=lambda: self.run.load_checkpoint(name),
        )
        return run_loop(body, self.data.train, settings, hooks)

    def save_network(self, stage: str, network: nn.Module) -> None:
        """Save the weights that a stage ends with."""
        self.run.save_tensors(weights_file(stage), network.state_dict())

    def load_network(self, stage: str, network: nn.Module) -> nn.Module:
        """A copy of ``network`` with the weights that a stage ended with."""
        loaded = copy_module(network)
        loaded.load_state_dict(self.run.load_tensors(weights_file(stage)))
        return loaded

    def save_steps(self, stage: str, steps: OptimizerSteps) -> None:
        """Save the optimizer and the schedule that a stage ends with."""
        self.run.save_state(steps_file(stage), steps.state_dict())

    def load_steps(self, stage: str, steps: OptimizerSteps) -> None:
        """Go on with the optimizer and the schedule that a stage ended with; nothing if it has left none."""
        if self.run.has(steps_file(stage)):
            steps.load_state_dict(self.run.load_state(steps_file(stage)))

    def _seed(self, stage: str) -> int:
        return self.config.seed * len(STAGES) + STAGES.index(stage)


def check_images(config: DecidedConfig, data: DataBundle) -> Tensor:
    """Real images (B, C, H, W) for the equality checks: the first test images, on the run's device."""
    images, _labels = next(iter(data.test.batches(CHECK_IMAGES)))
    return images.to(config.device)


def fresh_network(config: DecidedConfig, data: DataBundle) -> nn.Module:
    """The network of a run with fresh weights on its device: the same weights every time, by the run's seed."""
    torch.manual_seed(config.seed)
    network = named_network(config).build(
        classes=len(data.classes), channels=data.preprocessing.channels, image_size=data.preprocessing.image_size
    )
    network = network.to(config.device)
    return to_channels_last(network) if data.preprocessing.channels_last else network


def find_prunable(
    config: DecidedConfig, network: nn.Module, images: Tensor, *, target: Target | None = None
) -> Prunable:
    """The units that a batch (B, C, H, W) finds; UsageError if nothing can be pruned, or the budget cannot be met.

    A latency is a limit only with its ``target``.
    """
    units = find_checked_units(network, images, seed=config.seed)
    budget = Budget(macs=config.keep_macs, parameters=config.keep_params)
    prunable = Prunable.measure(network, units, images, align=config.align, budget=budget, finer=config.finer_align)
    prunable.check_reachable()
    return prunable if target is None else limit_latency(prunable, config, target)


def recorded_target(run: RunFolder) -> Target | None:
    """The latency model that a run was begun with; ``None`` if its budget is no latency."""
    return Target.from_dict(run.read_json(TARGET, SavedTarget)) if run.has(TARGET) else None


def int8_processor(run: RunFolder) -> Literal["here", "x86", "arm"]:
    """The processor that a run's INT8 files are for: that of its target, or "here"."""
    target = recorded_target(run)
    return "here" if target is None else target.facts.int8_for


def weights_file(stage: str) -> str:
    """Where the run folder holds the weights that a stage ends with."""
    return f"{stage}/weights.safetensors"


def steps_file(stage: str) -> str:
    """Where the run folder holds the optimizer and the schedule that a stage ends with."""
    return f"{stage}/optimizer.pt"
