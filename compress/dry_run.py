"""What ``--dry-run`` shows: everything that a run needs is checked, and nothing is written."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.config import DecidedConfig, RunConfig
from compress.eta import expected_work
from compress.pipeline import rehearsal
from compress.settings import decide, load_decided
from compress.stages.bench import fresh_network


@dataclass(frozen=True)
class RunPlan:
    """What ``--dry-run`` shows: the decided settings, the network's size, and how long it may take."""

    config: DecidedConfig
    images: tuple[int, int, int]
    parameters: int
    macs: int
    units: int
    groups: int
    left_whole: dict[str, str]
    masked_equals_physical: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {**asdict(self), "config": self.config.model_dump(mode="json")}

    def lines(self) -> list[str]:
        """The plan in words."""
        config = self.config
        asked = [f"{share:.0%} of the {name}" for name, share in _asked(config)] or ["no budget (paper)"]
        train, val, test = self.images
        return [
            f"network    {config.arch}, {config.image_size} pixels: {self.parameters:,} parameters, {self.macs:,} MACs",
            f"data       {config.dataset}: {train:,} train, {val:,} validation, {test:,} test images",
            f"units      {self.units:,} channels in {self.groups} coupled groups",
            *(f"left whole {root}: {reason}" for root, reason in self.left_whole.items()),
            f"keep       {', '.join(asked)}, counts in multiples of {config.align}",
            f"epochs     {config.baseline_epochs} baseline + {config.search_epochs} search"
            f" + {config.finetune_epochs} fine-tuning",
            f"checked    masked == smaller network: {self.masked_equals_physical:.1e} on a random state",
            f"time       about {self.seconds / 60:.0f} minutes on this machine",
        ]


def plan_run(config: RunConfig) -> RunPlan:
    """Check everything that a run needs, and write nothing.

    Raises:
        CompressError: what the run itself would raise before it trains.
    """
    settings, data = load_decided(decide(config))
    torch.set_num_threads(settings.threads)
    prunable, difference = rehearsal(settings, data, weights=True)
    network = fresh_network(settings, data)
    images, labels = next(iter(data.train.batches(settings.batch_size)))
    images, labels = images.to(settings.device), labels.to(settings.device)
    full = prunable.model.full
    return RunPlan(
        config=settings,
        images=(len(data.train), len(data.val), len(data.test)),
        parameters=full.parameters,
        macs=full.macs,
        units=prunable.units.total,
        groups=len(prunable.units.groups),
        left_whole=dict(prunable.units.left_whole),
        masked_equals_physical=difference,
        seconds=_estimate(settings, network, images, labels) * data.train.steps(settings.batch_size),
    )


def _asked(config: DecidedConfig) -> list[tuple[str, float]]:
    return [(n, share) for n, share in (("MACs", config.keep_macs), ("parameters", config.keep_params)) if share]


def _estimate(config: DecidedConfig, network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Seconds for one mini-batch of every epoch, from the measured time of a training step."""
    times = []
    for _ in range(10):
        began = time.monotonic()
        functional.cross_entropy(network.train()(images), labels).backward()
        times.append(time.monotonic() - began)
    return min(times) * sum(expected_work(config).values())
