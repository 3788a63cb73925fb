"""What ``--dry-run`` shows: everything that a run needs is checked, and nothing is written."""

import textwrap
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.config import DecidedConfig, RunConfig
from compress.controls.methods import METHODS
from compress.data.bundle import DataBundle
from compress.eta import expected_work
from compress.pipeline import Rehearsal, rehearsal
from compress.settings import decide, load_decided
from compress.stages.bench import fresh_network

SHOWN = 16


@dataclass(frozen=True)
class RunPlan:
    """What ``--dry-run`` shows: the decided settings, the network's size, and how long it may take.

    ``pruned`` holds the channels that can go, by the first layer of their group; ``left_whole`` the reason why
    those of a layer cannot.
    """

    config: DecidedConfig
    images: tuple[int, int, int]
    parameters: int
    macs: int
    units: int
    groups: int
    pruned: dict[str, int]
    left_whole: dict[str, str]
    notes: tuple[str, ...]
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
            *_listed("prunes     ", [f"{root} ({channels})" for root, channels in self.pruned.items()]),
            *_left_whole(self.left_whole),
            f"method     {config.method}: {METHODS[config.method].summary}",
            f"keep       {', '.join(asked)}, counts in multiples of {config.align}",
            f"epochs     {config.baseline_epochs} baseline + {config.search_epochs} search"
            f" + {config.finetune_epochs} fine-tuning",
            f"checked    masked == smaller network: {self.masked_equals_physical:.1e} on a random state",
            *(f"note       {note}" for note in self.notes),
            f"time       about {self.seconds / 60:.0f} minutes on this machine",
        ]


def plan_run(config: RunConfig) -> RunPlan:
    """Check everything that a run needs, and write nothing.

    Raises:
        CompressError: what the run itself would raise before it trains.
    """
    settings, data = load_decided(decide(config))
    torch.set_num_threads(settings.threads)
    return plan_of(settings, data, rehearsal(settings, data, weights=True))


def plan_of(settings: DecidedConfig, data: DataBundle, rehearsed: Rehearsal) -> RunPlan:
    """The plan of a run that has been rehearsed."""
    prunable = rehearsed.prunable
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
        pruned={group.root: group.size for group in prunable.units.groups},
        left_whole=dict(prunable.units.left_whole),
        notes=data.notes,
        masked_equals_physical=rehearsed.difference,
        seconds=_estimate(settings, network, images, labels) * data.train.steps(settings.batch_size),
    )


def _left_whole(reasons: dict[str, str]) -> list[str]:
    """Layers that are left whole, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for root, reason in reasons.items():
        by_reason.setdefault(reason, []).append(root)
    return [line for reason, roots in by_reason.items() for line in _listed("left whole ", roots, end=f": {reason}")]


def _listed(start: str, names: list[str], *, end: str = "") -> list[str]:
    """Names in lines of a terminal, the first ``SHOWN`` of them."""
    more = f" and {len(names) - SHOWN} more (--json has all)" if len(names) > SHOWN else ""
    text = start + ", ".join(names[:SHOWN]) + more + end
    return textwrap.wrap(text, 100, subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False)


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
