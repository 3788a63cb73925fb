"""``MODEL_CARD.md``: what a pruned network is, what it was made from, what it is worth, how to load it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from compress.errors import BadInputError
from compress.escaping import as_markdown_code, as_markdown_line, in_markdown
from compress.report import figures, network_tables, run_tables
from compress.report.latency_tables import other_latency_table, pair_tables
from compress.report.loading_snippet import loading_snippet
from compress.report.markdown import join_blocks, section_blocks, table_block
from compress.report.model import Report, RunFacts
from compress.report.verdict_section import verdict_section
from compress.runs import MODEL_FACTS
from compress.runs.network_files import channel_order_of
from compress.settings.methods import METHODS

MOST_NAMED = 20  # classes in the card; model.json has all
_NEEDED = ("arch", "mean", "std", "resize", "classes")
_LOSERS = 5
_UNKNOWN_LICENCE = (
    "Unknown: compress does not know what the data set and the first weights permit. "
    "Once you know, `compress report RUN --license NAME` states it here and keeps it."
)


def render_model_card(report: Report, model_facts: Mapping[str, Any]) -> str:
    """The card of a run's pruned network and of the files made from it.

    ``model_facts`` is the run's ``artifacts/model.json``; without a ``license`` in it the card says unknown. Raises
    ``BadInputError`` where it lacks something, or the report is not a run's.
    """
    if report.run is None:
        raise BadInputError(
            f"expected the report of a run for a model card, got {report.name}, of files from elsewhere"
        )
    missing = [name for name in _NEEDED if name not in model_facts]
    if missing:
        raise BadInputError(f"expected {', '.join(missing)} in {MODEL_FACTS}, got none; try the run's own file")
    table = partial(network_tables.network_table, report)
    licence = str(model_facts.get("license", "unknown"))
    return join_blocks(
        [
            _front_matter(licence, report.run.method),
            *_what_it_is(report, report.run, str(model_facts["arch"])),
            *section_blocks(replace(verdict_section(report), title="Results")),
            table_block(table(network_tables.ACCURACY)),
            *map(table_block, (pair_tables(report)[0], other_latency_table(report))),
            *(table_block(table(title)) for title in (network_tables.SIZE, network_tables.ORIGIN)),
            *_data(report, model_facts),
            *_recipe(report.run),
            *_limits(report),
            "## Licence",
            _UNKNOWN_LICENCE if licence == "unknown" else f"{as_markdown_line(licence)}.",
            *_loading(report, model_facts),
            in_markdown(f"Written by compress {report.compress_version} at {report.created} from {report.name}."),
        ]
    )


def _front_matter(licence: str, method: str) -> str:
    """The fields that model hubs read."""
    return f"""\
---
license: {json.dumps(licence)}
library_name: onnxruntime
pipeline_tag: image-classification
tags: [onnx, pruning, {method}]
metrics: [accuracy]
---"""


def _what_it_is(report: Report, run: RunFacts, arch: str) -> Iterator[str]:
    original, row = report.original, report.candidate
    yield f"# {in_markdown(arch)}, {in_markdown(row.label)}, on {in_markdown(report.data.name)}"
    yield (
        f"An image classifier: {in_markdown(arch)} with {len(report.data.classes)} classes, whose channels were "
        f"{METHODS[run.method].made} and cut out: {figures.count(row.macs)} of {figures.count(original.macs)} "
        f"multiply-accumulates ({figures.percent(row.kept_macs)}) and {figures.count(row.parameters)} of "
        f"{figures.count(original.parameters)} parameters ({figures.percent(row.kept_parameters)}) are left. "
        f"Input: {in_markdown(network_tables.input_words(row.signature))}. Channel counts are multiples of "
        f"{run.budget.align} where the network allows it."
    )
    yield table_block(network_tables.network_table(report, network_tables.FILES))
    yield f"{as_markdown_code(row.file)} has the sha256 {as_markdown_code(row.sha256)}."


def _data(report: Report, facts: Mapping[str, Any]) -> Iterator[str]:
    data, classes = report.data, report.data.classes
    more = f" and {len(classes) - MOST_NAMED} more, in {MODEL_FACTS}" if len(classes) > MOST_NAMED else ""
    mean, std = (", ".join(f"{value:g}" for value in facts[name]) for name in ("mean", "std"))
    reversed_channels = ", in the order blue, green, red" if channel_order_of(facts) == "bgr" else ""
    yield "## Data"
    yield as_markdown_line(
        f"{data.name}: {data.train:,} training, {data.val:,} validation and {data.test:,} test images; the test images "
        f"were used for the results alone. Classes: {', '.join(classes[:MOST_NAMED])}{more}."
    )
    yield "\n".join(
        f"- sha256 of {what}: {as_markdown_code(value)}" for what, value in run_tables.fingerprints(report).items()
    )
    yield in_markdown(
        f"Preprocessing: {'8-bit grey' if data.channels == 1 else 'RGB'}, {data.image_size} x {data.image_size} "
        f"pixels ({facts['resize']}){reversed_channels}, divided by 255, less the mean ({mean}), divided by the std "
        f"({std})."
    )


def _recipe(run: RunFacts) -> Iterator[str]:
    config = run.config
    lengths = {run_tables.stage_name(stage): len(history) for stage, history in run.training.items()}
    epochs = [f"{stage}, {figures.plural(length, 'epoch')}" for stage, length in lengths.items()]
    yield "## Recipe"
    words = (
        f"Trained from {'weights that were given' if config.get('weights') else 'random weights'}; "
        f"{run_tables.choice_words(run)}, asked to keep "
        f"{run_tables.asked_words(run.budget) or 'what its energy says'}; cut, and trained on"
        f"{' with the original as teacher' if config.get('distill') else ''}. "
        f"Trainings: {'; '.join(epochs) or 'none'}{_optimizer(config)}. Seed {config.get('seed', 'unknown')}. "
        f"Took {figures.duration(sum(run.seconds.values()))}."
    )
    yield f"{in_markdown(words)} `compress run --config config.toml` makes it again."


def _optimizer(config: Mapping[str, Any]) -> str:
    """With which optimizer, rate and schedule; the paper's recipe has no settings."""
    if config.get("optimizer") is None:
        return ""
    smoothing = config.get("label_smoothing")
    return (
        f", with {config['optimizer']}, learning rate {config.get('lr')} at most ({config.get('schedule')}), "
        f"weight decay {config.get('weight_decay')}"
        f"{f', label smoothing {smoothing}' if smoothing else ''}{', in bfloat16' if config.get('amp') else ''}"
    )


def _limits(report: Report) -> Iterator[str]:
    original, candidate = (
        figures.percent(row.accuracy.calibration_error) for row in (report.original, report.candidate)
    )
    machine = run_tables.machine_words(report.environment, report.session)
    images = f"{figures.plural(report.data.test, 'test image')} of {in_markdown(report.data.name)}"
    yield "## Limits"
    yield f"""\
- Measured on {images} alone; other images, damaged images and images of no class were not tried, and every image gets \
one of the classes.
- Latency holds for this machine alone: {in_markdown(machine)}.
- Probabilities (softmax of the logits) are off by {candidate} on average (expected calibration error; the original's: \
{original}).
- An average hides single classes: those that lost most are below."""
    yield table_block(network_tables.class_table(report, most=_LOSERS))


def _loading(report: Report, facts: Mapping[str, Any]) -> Iterator[str]:
    row = report.candidate
    same = [
        as_markdown_code(other.file) for other in report.networks if other != row and other.signature == row.signature
    ]
    runs = f"the same lines run {', '.join(same)}" if same else as_markdown_code(row.file)
    yield "## How to load"
    yield f"With onnxruntime, numpy and Pillow, inside this folder ({runs}):"
    yield f"```python\n{loading_snippet(report, facts)}\n```"
    bytes_in = [row.file for row in report.networks if row.signature.dtype == "uint8"]
    if bytes_in:
        yield (
            f"{', '.join(map(as_markdown_code, bytes_in))}: give 8-bit pixels N x H x W x C as they are, "
            "`np.asarray(image, np.uint8)`; scaling and normalisation are inside."
        )
    yield "As a torch module, to look into it or to train it further:"
    yield '```python\nimport compress\n\nnetwork = compress.load(".")\n```'
