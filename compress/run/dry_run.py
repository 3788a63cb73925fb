"""What ``--dry-run`` shows: everything that a run needs is checked, and nothing is written."""

import textwrap
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch.nn import functional

from compress.channels.units import without_names
from compress.data.bundle import DataBundle
from compress.report.figures import in_int8, percent, plural
from compress.report.figures import setting as setting_words
from compress.run.eta import expected_work
from compress.run.evolve import pushes, search_epochs
from compress.run.pipeline import prepare
from compress.run.rehearsal import Rehearsal, rehearse
from compress.run.training_stages import choice_epoch
from compress.runs.stage_context import fresh_network
from compress.settings.config import DecidedConfig, RunConfig
from compress.settings.methods import METHODS
from compress.target.samples import SAMPLES
from compress.target.table import read_device_table
from compress.verdict.budget_reached import Reached, finer_counts_note, reached_by_random_state

SHOWN = 16


@dataclass(frozen=True)
class RunPlan:
    """What ``--dry-run`` shows.

    ``pruned`` holds the number of channels by the first layer of their group; ``not_pruned`` the reason by layer.
    ``reached`` is what a random state comes to within the budget: other states come to about as much. ``multiples``:
    see ``Prunable.multiples``.
    """

    config: DecidedConfig
    images: tuple[int, int, int]
    parameters: int
    macs: int
    units: int
    groups: int
    pruned: dict[str, int]
    not_pruned: dict[str, str]
    reached: Reached
    multiples: dict[str, int]
    notes: tuple[str, ...]
    masked_equals_physical: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {**asdict(self), "config": self.config.model_dump(mode="json")}

    def lines(self) -> list[str]:
        """The plan in words."""
        config = self.config
        train, val, test = self.images
        return [
            f"network    {config.arch}, {config.image_size} pixels: {self.parameters:,} parameters, {self.macs:,} MACs",
            f"data       {config.dataset}: {train:,} train, {val:,} validation, {test:,} test images",
            f"units      {self.units:,} channels in {self.groups} coupled groups",
            *_listed("prunes     ", [f"{root} ({channels})" for root, channels in self.pruned.items()]),
            *_not_pruned(self.not_pruned),
            f"method     {config.method}: {METHODS[config.method].summary}",
            *_kept(config, self.reached, self.multiples),
            f"training   {_training(config)}",
            f"epochs     {schedule_words(config)}",
            f"checked    masked == smaller network: {self.masked_equals_physical:.1e} on a random state",
            *(f"note       {note}" for note in self.notes),
            f"time       about {plural(round(self.seconds / 60), 'minute')} on this machine",
        ]


def plan_run(config: RunConfig) -> RunPlan:
    """Check everything that a run needs, with the errors of a run before it trains, and write nothing."""
    settings, data = prepare(config)
    return plan_of(settings, data, rehearse(settings, data))


def plan_of(settings: DecidedConfig, data: DataBundle, rehearsed: Rehearsal) -> RunPlan:
    """The plan of a run that has been rehearsed."""
    prunable, full = rehearsed.prunable, rehearsed.prunable.model.full
    steps = sum(expected_work(rehearsed.config).values()) * data.train.steps(settings.batch_size)
    return RunPlan(
        config=rehearsed.config,
        images=(len(data.train), len(data.val), len(data.test)),
        parameters=full.parameters,
        macs=full.macs,
        units=prunable.units.total,
        groups=len(prunable.units.groups),
        pruned={group.root: group.size for group in prunable.units.groups},
        not_pruned=dict(prunable.units.not_pruned),
        reached=reached_by_random_state(prunable, align=settings.align, seed=settings.seed),
        multiples=dict(prunable.multiples(settings.align)),
        notes=(*data.notes, *rehearsed.weights_notes, *rehearsed.file_notes),
        masked_equals_physical=rehearsed.difference,
        seconds=_seconds_per_step(settings, data) * steps,
    )


def _not_pruned(reasons: dict[str, str]) -> list[str]:
    """Lines on layers that are not pruned; reasons that differ only in the layers they name are one reason."""
    alike: dict[str, list[str]] = {}
    for root, reason in reasons.items():
        alike.setdefault(without_names(reason), []).append(root)
    return [
        line
        for reason, roots in alike.items()
        for line in _listed("not pruned ", roots, end=f": {reasons[roots[0]] if len(roots) == 1 else reason}")
    ]


def _listed(start: str, names: list[str], *, end: str = "") -> list[str]:
    """The first ``SHOWN`` names in lines of a terminal."""
    more = f" and {len(names) - SHOWN} more (--json has all)" if len(names) > SHOWN else ""
    text = start + ", ".join(names[:SHOWN]) + more + end
    return textwrap.wrap(text, 100, subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False)


def _kept(config: DecidedConfig, reached: Reached, multiples: Mapping[str, int]) -> list[str]:
    """The budget asked for and reached, in which counts, and a note if they are far apart."""
    if config.has_target:
        return _target(config)
    shares = (("MACs", config.keep_macs, reached.macs), ("parameters", config.keep_params, reached.parameters))
    asked = [f"{percent(share)} of the {name} ({percent(got)} reached)" for name, share, got in shares if share]
    line = f"keep       {', '.join(asked) or 'no budget (paper)'}, counts in multiples of {config.align}"
    notes = [*finer_counts_note(multiples, align=config.align), *([reached.note] if reached.note else [])]
    return [line, *(row for note in notes for row in _listed("note       ", [note]))]


def _target(config: DecidedConfig) -> list[str]:
    """The latency asked for, and how the run comes to a model of it: the dry run times nothing."""
    share = f", at most {percent(config.keep_params)} of the parameters" if config.keep_params else ""
    asked = f"{config.target_speedup:g}x as fast as the original"
    if config.target_latency_ms is not None:
        asked = f"{config.target_latency_ms:g} ms a call"
    if config.target is not None:
        table = read_device_table(config.target, int8=config.target_int8)
        precision = in_int8(table.int8_for) if table.int8_for else ""
        on, model = f"the device of the table{precision}", f"by the table {config.target}"
    else:
        precision = in_int8("here") if config.target_int8 else ""
        setting = setting_words(*config.target_setting)
        on = f"this machine{precision} ({setting})"
        model = f"{SAMPLES} samples of the network{precision} are timed first, a minute or more"
    steps = "in steps that are fast there" if config.finer_align else f"in multiples of {config.align}"
    return [f"latency    {asked} on {on}{share}, counts {steps}", *_listed("model      ", [model])]


def _training(config: DecidedConfig) -> str:
    """Optimizer, rate and schedule."""
    if config.preset == "paper":
        return "Adadelta, learning rate 1, a tenth of it every 50 epochs"
    extras = [f"label smoothing {config.label_smoothing:g}"] if config.label_smoothing else []
    extras += ["bfloat16"] if config.amp else []
    extras += ["BatchNorm kept"] if config.freeze_bn else []
    decay = f"weight decay {config.weight_decay:g}"
    return ", ".join([f"{config.optimizer}, learning rate {config.lr:g} ({config.schedule})", decay, *extras])


def schedule_words(config: DecidedConfig) -> str:
    """The schedule: "22: whole network 1 to 5, push 6 to 8, small network 9 to 22; before the push ..."."""
    start, cut, total = config.search_start, config.search_end, config.epochs
    if METHODS[config.method].at_once:
        start = cut = choice_epoch(config)
    during, aside = "search", ""
    if pushes(config):
        during = "push"
        aside = f"; before the push {plural(search_epochs(config).count, 'epoch')} of search in the original"
    parts = (("whole network", 0, start), (during, start, cut), ("small network", cut, total))
    stretches = [
        f"{what} {last}" if last == first + 1 else f"{what} {first + 1} to {last}"
        for what, first, last in parts
        if first < last
    ]
    return f"{total}: {', '.join(stretches)}{aside}"


def _seconds_per_step(config: DecidedConfig, data: DataBundle) -> float:
    """Measured duration of a training step."""
    network = fresh_network(config, data).train()
    images, labels = (tensor.to(config.device) for tensor in next(iter(data.train.batches(config.batch_size))))
    times = []
    for _ in range(10):
        began = time.monotonic()
        functional.cross_entropy(network(images), labels).backward()
        times.append(time.monotonic() - began)
    return min(times)
