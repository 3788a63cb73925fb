"""The loop over epochs and mini-batches: order, checkpoints, stop and resume. A ``Body`` takes the steps.

A stopped and resumed run equals an undisturbed one, bit for bit, on the same machine, versions and thread count: the
order and torch's random generator come from (seed, epoch), augmentation from (seed, epoch, index), and the checkpoint
holds the body's state and that generator's. So a training in two loops, the second of which goes on with the first
one's weights and optimizer, equals that in one.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from compress.data.bundle import Order, Split
from compress.data.order import epoch_seed, plan_batches
from compress.errors import DivergedError, InterruptedRun
from compress.observer import Observer

History = list[dict[str, float]]

SAVE_EVERY_S = 600.0
"""Seconds between saves within an epoch; every epoch ends with one anyway."""


class Body(Protocol):
    """What one training stage does with a mini-batch."""

    def step(self, images: Tensor, labels: Tensor, places: Tensor) -> Mapping[str, float]:
        """Take one step on images with labels, from ``places`` (int64 B) of the split.

        Returns numbers, among them ``loss`` and ``accuracy`` (mean of the batch).

        DivergedError if the loss is not finite; the weights have not moved then.
        """

    def end_epoch(self, epoch: int) -> Mapping[str, float]:
        """Numbers for the history after epoch ``epoch`` (from 0), such as validation accuracy."""

    def finished(self) -> bool:
        """Whether the stage has converged and ends before its last epoch."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers for ``load_state_dict``."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""


@dataclass(frozen=True)
class LoopSettings:
    """Images in a mini-batch, the seed, the device, and which epochs (passes over the split) are trained.

    They are counted from the start of the schedule: ``first`` are behind, and the loop ends after number ``epochs``.
    """

    epochs: int
    batch_size: int
    seed: int
    device: str = "cpu"
    first: int = 0


@dataclass(frozen=True)
class LoopHooks:
    """How a loop reports, is asked to stop (by a signal's number), and saves its state between processes."""

    observer: Observer = field(default_factory=Observer)
    should_stop: Callable[[], int | None] = lambda: None
    save: Callable[[dict[str, Any]], None] = lambda _state: None
    load: Callable[[], dict[str, Any] | None] = lambda: None


def run_loop(body: Body, split: Split, settings: LoopSettings, hooks: LoopHooks) -> History:
    """Train for the settings' epochs, or go on from a saved state.

    Returns a row of numbers per epoch: ``epoch`` (from 1 at the start of the schedule), ``loss``, ``accuracy`` and the
    body's own. DivergedError if a loss was not finite, InterruptedRun if a stop was asked for; the state is then saved.
    """
    steps = split.steps(settings.batch_size)
    saved = hooks.load()
    progress = _Progress(epoch=settings.first) if saved is None else _restore(body, saved)
    saved_at = time.monotonic()
    while progress.epoch < settings.epochs and not progress.done:
        order = Order(seed=settings.seed, epoch=progress.epoch)
        if not progress.step:
            torch.manual_seed(epoch_seed(order))
        plan = plan_batches(order, size=len(split), batch_size=settings.batch_size)[progress.step :]
        batches = split.batches(settings.batch_size, order=order, first=progress.step)
        for (images, labels), indices in zip(batches, plan, strict=True):
            places = torch.from_numpy(indices)
            try:
                values = body.step(images.to(settings.device), labels.to(settings.device), places)
            except DivergedError as error:
                raise DivergedError(f"epoch {progress.epoch + 1}, step {progress.step + 1}: {error}") from None
            progress.add(values, len(labels))
            shown: dict[str, float | str] = {"epoch": f"{progress.epoch + 1}/{settings.epochs}", **progress.means()}
            done = progress.epoch * steps + progress.step
            hooks.observer.step(done - settings.first * steps, images=len(labels), values=shown)
            hooks.observer.numbers(values, step=done)
            if (signal_number := hooks.should_stop()) is not None:
                hooks.save(_capture(body, progress))
                raise InterruptedRun("stopped", signal_number=signal_number)
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                hooks.save(_capture(body, progress))
                saved_at = time.monotonic()
        validated = body.end_epoch(progress.epoch)
        hooks.observer.numbers(validated, step=(progress.epoch + 1) * steps)
        progress.close_epoch(validated)
        progress.done = body.finished()
        hooks.save(_capture(body, progress))
    return progress.history


@dataclass
class _Progress:
    epoch: int = 0
    step: int = 0
    done: bool = False
    sums: dict[str, float] = field(default_factory=dict)
    images: int = 0
    history: History = field(default_factory=list)

    def add(self, values: Mapping[str, float], images: int) -> None:
        self.step += 1
        self.images += images
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * images

    def means(self) -> dict[str, float]:
        return {name: total / self.images for name, total in self.sums.items()}

    def close_epoch(self, extra: Mapping[str, float]) -> None:
        self.history.append({"epoch": float(self.epoch + 1), **self.means(), **extra})
        self.epoch, self.step, self.images, self.sums = self.epoch + 1, 0, 0, {}


def _capture(body: Body, progress: _Progress) -> dict[str, Any]:
    return {
        "body": body.state_dict(),
        "progress": vars(progress).copy(),
        "rng": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore(body: Body, saved: Mapping[str, Any]) -> _Progress:
    body.load_state_dict(saved["body"])
    torch.set_rng_state(saved["rng"])
    if saved["cuda"]:
        torch.cuda.set_rng_state_all(saved["cuda"])
    return _Progress(**saved["progress"])
