"""The run: its stages in order. Each keeps its value in the run folder, so a killed run goes on where it stopped."""

import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.config import DecidedConfig, RunConfig
from compress.data.bundle import DataBundle
from compress.environment import describe_environment
from compress.errors import InterruptedRun
from compress.eta import expected_work
from compress.observer import Observer, Silent
from compress.report.model import Report
from compress.runs import RunFolder
from compress.settings import decide, load_decided
from compress.stages.bench import Bench, Prunable, check_images, check_same_images, fresh_network, study
from compress.stages.prune import SearchResult, rehearse, remove, search
from compress.stages.ship import Entrant, export
from compress.stages.weights import (
    baseline,
    baseline_notes,
    epochs_after_baseline,
    finetune,
    load_given,
    train_original,
    trained_here,
)
from compress.structure.plan import plan_from_state
from compress.structure.remove import put_back
from compress.training.evaluate import recalibrate_batchnorm
from compress.verdict.of_run import verify_stage
from compress.verify.faults import export_faults

Mode = Literal["new", "resume", "overwrite"]


def run_pipeline(
    config: RunConfig,
    *,
    out: Path,
    mode: Mode = "new",
    observer: Observer | None = None,
    should_stop: Callable[[], int | None] = lambda: None,
) -> Report:
    """Run every stage that is not finished yet and return the report.

    Args:
        config: the settings; with ``mode`` "resume" the run folder's own are used.
        out: the run folder.
        mode: what to do with an existing folder.
        observer: receives progress.
        should_stop: returns a signal's number once the run should save and stop.

    Raises:
        CompressError: see its subclasses; ``InterruptedRun`` says how to go on.
    """
    observer = observer or Silent()
    recorded = RunFolder.open(out).read_config() if mode == "resume" else config
    if mode != "resume":
        RunFolder.check_free(out, overwrite=mode == "overwrite")
    settings, data = load_decided(decide(recorded))
    torch.set_num_threads(settings.threads)
    prunable, _difference = _rehearsal(settings, data, weights=mode != "resume")
    run = RunFolder.open(out) if mode == "resume" else RunFolder.create(out, settings, overwrite=mode == "overwrite")
    with run:
        _record(run, settings, data)
        bench = Bench(settings, data, run, observer, should_stop)
        for note in data.notes:
            observer.note(note)
        try:
            with export_faults():
                return _stages(bench, prunable)
        except InterruptedRun as stop:
            raise InterruptedRun(
                f"stopped; everything so far is saved. Go on with: compress run --resume {shlex.quote(str(out))}",
                signal_number=stop.exit_code - 128,
            ) from None


def _rehearsal(settings: DecidedConfig, data: DataBundle, *, weights: bool) -> tuple[Prunable, float]:
    """Do what can fail before there is a run folder, so that a fault leaves none behind.

    Args:
        settings: decided settings.
        data: the run's data.
        weights: try the user's weights too; a resumed run has read them already.

    Returns:
        What there is to prune, and the largest difference of logits between masked and smaller network.

    Raises:
        CompressError: what makes the run impossible.
    """
    network, images = fresh_network(settings, data), check_images(settings, data)
    if weights:
        load_given(settings, data, network)
    prunable = study(settings, network, images)
    return prunable, rehearse(prunable, network, images, seed=settings.seed)


def _stages(bench: Bench, prunable: Prunable) -> Report:
    before = baseline(bench)
    trained_on = train_original(bench, before) if bench.config.train_original or trained_here(bench) else None
    teacher = trained_on if trained_on is not None and trained_here(bench) else before
    found = search(bench, before, prunable)
    smaller = finetune(bench, remove(bench, found, prunable), teacher, searched=len(found.history))
    whole = tuple(f"{root} is left whole: {reason}" for root, reason in prunable.units.surprises.items())
    entrants = _entrants(bench, before, trained_on, smaller, found, prunable)
    export(bench, entrants, notes=(*baseline_notes(bench), *whole))
    return verify_stage(bench)


def _entrants(
    bench: Bench,
    before: nn.Module,
    trained_on: nn.Module | None,
    smaller: nn.Module,
    found: SearchResult,
    prunable: Prunable,
) -> list[Entrant]:
    """The rows of the verdict; in the paper's words (F) is the full network after EDropout, (P) the pruned one."""
    first = bench.run.read_json("01_baseline/epochs.json")
    total = first + epochs_after_baseline(bench.config)
    paper = bench.config.preset == "paper"
    full = prunable.model.full
    cost = prunable.model.cost(prunable.units.counts(found.keep_U.unsqueeze(0))[0])
    entrants = [Entrant("pruned (P)" if paper else "pruned", "candidate", "pruned", smaller, total, cost)]
    if trained_here(bench):
        assert trained_on is not None
        entrants.insert(0, Entrant("original", "original", "original", trained_on, total, full))
    else:
        entrants.insert(0, Entrant("original, as given", "original", "original", before, None, full))
        if trained_on is not None:
            entrants.append(Entrant("original, trained on", "extra", "original-trained-on", trained_on, total, full))
    if paper:
        plan = plan_from_state(prunable.units, found.keep_U)
        whole = put_back(smaller, found.network, prunable.units, plan)
        recalibrate_batchnorm(whole, bench.data.train, batch_size=bench.config.batch_size)
        entrants.append(Entrant("full (F)", "extra", "full", whole, total, full))
    return entrants


def _record(run: RunFolder, settings: DecidedConfig, data: DataBundle) -> None:
    """Keep the environment and the data's fingerprint; a resumed run must find the same data."""
    if not run.has("data.json"):
        run.write_json("data.json", {"fingerprint": data.fingerprint})
    check_same_images(run, data, settings.dataset)
    run.write_json("env.json", describe_environment(threads=settings.threads, seed=settings.seed))


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
    prunable, difference = _rehearsal(settings, data, weights=True)
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
