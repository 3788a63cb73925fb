"""``MODEL_CARD.md``: what a pruned network is, what it was made from, what it is worth, how to load it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from compress.errors import BadInputError
from compress.report import class_tables, fact_tables, figures, file_tables, latency_tables, run_tables
from compress.report.escaping import code, escape, escape_line
from compress.report.markdown import section_lines, table_lines
from compress.report.model import NetworkRow, Report
from compress.report.run_facts import RunFacts
from compress.report.run_sections import verdict_section
from compress.runs import MODEL_FACTS
from compress.settings.methods import METHODS

MOST_NAMED = 20
"""Classes named in the card; model.json has all."""

_NEEDED = ("arch", "mean", "std", "resize", "classes")
_LOSERS = 5


def render_model_card(report: Report, model_facts: Mapping[str, Any]) -> str:
    """The card of a run's pruned network and of the files made from it.

    Args:
        report: the run's report.
        model_facts: its ``artifacts/model.json``; a ``license`` in it is named, else the field says unknown.

    Raises:
        BadInputError: the report is not a run's, or ``model_facts`` lacks something.
    """
    if report.run is None:
        raise BadInputError(
            f"expected the report of a run for a model card, got {report.name}, of files from elsewhere"
        )
    missing = [name for name in _NEEDED if name not in model_facts]
    if missing:
        raise BadInputError(f"expected {', '.join(missing)} in {MODEL_FACTS}, got none; try the run's own file")
    arch, licence = str(model_facts["arch"]), str(model_facts.get("license", "unknown"))
    lines = [
        *_front_matter(licence, report.run.method),
        f"# {escape(arch)}, {escape(report.candidate.label)}, on {escape(report.data.name)}",
        "",
        *_what_it_is(report, report.run, arch),
        *_results(report),
        *_data(report, model_facts),
        *_recipe(report.run),
        *_limits(report),
        *_licence(licence),
        *_loading(report, model_facts),
        escape(f"Written by compress {report.compress_version} at {report.created} from {report.name}."),
    ]
    return "\n".join(lines) + "\n"


def loading_snippet(report: Report, model_facts: Mapping[str, Any]) -> str:
    """Python that classifies one picture with onnxruntime, numpy and Pillow alone, run inside the run folder."""
    row = report.candidate
    channels, size = row.signature.channels, report.data.image_size
    cut = [
        "side = min(image.size)",
        "left, top = (image.width - side) // 2, (image.height - side) // 2",
        "image = image.crop((left, top, left + side, top + side))",
    ]
    return "\n".join(
        [
            "import json",
            "from pathlib import Path",
            "",
            "import numpy as np",
            "import onnxruntime",
            "from PIL import Image, ImageOps",
            "",
            f'facts = json.loads(Path("{MODEL_FACTS}").read_text(encoding="utf-8"))',
            f'image = ImageOps.exif_transpose(Image.open("photo.png")).convert("{"L" if channels == 1 else "RGB"}")',
            *(cut if "centred square" in str(model_facts["resize"]) else []),
            f"image = image.resize(({size}, {size}), Image.Resampling.BILINEAR)",
            f"pixels_HWC = np.asarray(image, np.float32).reshape({size}, {size}, {channels}) / 255",
            'normal_HWC = (pixels_HWC - np.float32(facts["mean"])) / np.float32(facts["std"])',
            "batch = np.ascontiguousarray(normal_HWC.transpose(2, 0, 1)[None])",
            f"session = onnxruntime.InferenceSession({json.dumps(row.file)})",
            f"logits = session.run(None, {{{json.dumps(row.signature.input_name)}: batch}})[0][0]",
            'print(facts["classes"][int(logits.argmax())])',
        ]
    )


def _front_matter(licence: str, method: str) -> Iterator[str]:
    """The fields that model hubs read."""
    yield "---"
    yield f"license: {json.dumps(licence)}"
    yield "library_name: onnxruntime"
    yield "pipeline_tag: image-classification"
    yield f"tags: [onnx, pruning, {method}]"
    yield "metrics: [accuracy]"
    yield "---"
    yield ""


def _what_it_is(report: Report, run: RunFacts, arch: str) -> Iterator[str]:
    original, row = report.original, report.candidate
    made = METHODS[run.method].made
    yield (
        f"An image classifier: {escape(arch)} with {len(report.data.classes)} classes, whose channels were {made} "
        f"and cut out: {figures.count(row.macs)} of {figures.count(original.macs)} multiply-accumulates "
        f"({figures.percent(row.kept_macs)}) and {figures.count(row.parameters)} of "
        f"{figures.count(original.parameters)} parameters ({figures.percent(row.kept_parameters)}) are left. "
        f"Input: {escape(file_tables.input_words(row.signature))}. Channel counts are multiples of "
        f"{run.budget.align} where the network allows it."
    )
    yield ""
    yield from table_lines(file_tables.file_table(report))
    yield f"{code(row.file)} has the sha256 `{row.sha256}`."
    yield ""


def _results(report: Report) -> Iterator[str]:
    yield from section_lines(replace(verdict_section(report), title="Results"))
    yield from table_lines(file_tables.accuracy_table(report))
    yield from table_lines(latency_tables.latency_table(report))
    yield from table_lines(latency_tables.other_latency_table(report))
    yield from table_lines(file_tables.network_table(report))
    yield from table_lines(file_tables.origin_table(report))


def _data(report: Report, facts: Mapping[str, Any]) -> Iterator[str]:
    data, classes = report.data, report.data.classes
    more = f" and {len(classes) - MOST_NAMED} more, in {MODEL_FACTS}" if len(classes) > MOST_NAMED else ""
    mean, std = (", ".join(f"{value:g}" for value in facts[name]) for name in ("mean", "std"))
    yield "## Data"
    yield ""
    yield escape_line(
        f"{data.name}: {data.train:,} training, {data.val:,} validation and {data.test:,} test images; the test images "
        f"were used for the results alone. Classes: {', '.join(classes[:MOST_NAMED])}{more}."
    )
    yield ""
    yield from (f"- sha256 of {what}: `{value}`" for what, value in fact_tables.fingerprints(report))
    yield ""
    yield escape(
        f"Preprocessing: {'8-bit grey' if data.channels == 1 else 'RGB'}, {data.image_size} x {data.image_size} "
        f"pixels ({facts['resize']}), divided by 255, less the mean ({mean}), divided by the std ({std})."
    )
    yield ""


def _recipe(run: RunFacts) -> Iterator[str]:
    config, budget = run.config, run.budget
    asked = [
        f"{figures.percent(share)} of the {name}"
        for name, share in (("MACs", budget.asked_macs), ("parameters", budget.asked_parameters))
        if share is not None
    ]
    epochs = [
        f"{run_tables.stage_name(stage)}, {figures.plural(len(history), 'epoch')}"
        for stage, history in run.training.items()
    ]
    start = "from weights that were given" if config.get("weights") else "from random weights"
    yield "## Recipe"
    yield ""
    yield (
        f"Trained {start}; {run_tables.choice_words(run)}, "
        f"asked to keep {' and '.join(asked) or 'what its energy says'}; cut, and trained on"
        f"{' with the original as teacher' if config.get('distill') else ''}. "
        f"Trainings: {escape('; '.join(epochs)) or 'none'}. Seed {config.get('seed', 'unknown')}. "
        f"Took {figures.duration(sum(run.seconds.values()))}. `compress run --config config.toml` makes it again."
    )
    yield ""


def _limits(report: Report) -> Iterator[str]:
    row, data = report.candidate, report.data
    yield "## Limits"
    yield ""
    yield (
        f"- Measured on {figures.plural(data.test, 'test image')} of {escape(data.name)} alone; other images, damaged "
        "images and images of no class were not tried, and every image gets one of the classes."
    )
    yield f"- Latency holds for this machine alone: {escape(fact_tables.machine_words(report))}."
    yield (
        f"- Probabilities (softmax of the logits) are off by {figures.percent(row.accuracy.calibration_error)} "
        f"on average (expected calibration error; the original's: "
        f"{figures.percent(report.original.accuracy.calibration_error)})."
    )
    yield "- An average hides single classes: those that lost most are below."
    yield ""
    yield from table_lines(class_tables.class_table(report, most=_LOSERS))


def _licence(licence: str) -> Iterator[str]:
    yield "## Licence"
    yield ""
    if licence == "unknown":
        yield (
            "Unknown: compress does not know what the data set and the first weights permit. "
            "Once you know, `compress report RUN --license NAME` states it here and keeps it."
        )
    else:
        yield f"{escape_line(licence)}."
    yield ""


def _loading(report: Report, facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## How to load"
    yield ""
    yield f"With onnxruntime, numpy and Pillow, inside this folder ({_made_from(report)}):"
    yield ""
    yield "```python"
    yield loading_snippet(report, facts)
    yield "```"
    yield ""
    bytes_in = [row.file for row in report.networks if row.signature.dtype == "uint8"]
    if bytes_in:
        yield (
            f"{', '.join(map(code, bytes_in))}: give 8-bit pixels N x H x W x C as they are, "
            "`np.asarray(image, np.uint8)`; scaling and normalisation are inside."
        )
        yield ""
    yield "As a torch module, to look into it or to train it further:"
    yield ""
    yield from ("```python", "import compress", "", 'network = compress.load(".")', "```")
    yield ""


def _made_from(report: Report) -> str:
    """The files the same lines run: those with the same input."""
    row: NetworkRow = report.candidate
    same = [other.file for other in report.networks if other.label != row.label and other.signature == row.signature]
    return f"the same lines run {', '.join(map(code, same))}" if same else code(row.file)
