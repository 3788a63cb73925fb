"""The files of the kit's page, and ``page.json``: what the page has to know of the kit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Final

from compress.data.framing import Framing
from compress.escaping import printable
from compress.kit.samples import Samples
from compress.verdict.open_files import OpenedFile
from exporters.device.answers import EXACT, FEWEST_AGREEING, rule_for
from exporters.device.kit_files import IMAGES, LABELS, KitFile
from exporters.read.tolerance import logit_tolerance

FOLDER: Final = "web"
_AT_THE_TOP: Final = "index.html"


def page_files(
    name: str,
    files: Sequence[tuple[OpenedFile, KitFile]],
    pairs: Sequence[tuple[str, str]],
    samples: Samples,
    runtime: Mapping[str, bytes],
) -> Iterator[tuple[str, bytes]]:
    """Path in the kit and content of each file; ``runtime`` is onnxruntime-web's, without which there is no page."""
    if not runtime:
        return
    classes = files[0][0].spec.data.classes
    facts = {
        "name": printable(name),
        "classes": [printable(one) for one in classes],
        "images": IMAGES,
        "labels": LABELS,
        "count": len(samples.chosen),
        "fewest_agreeing": FEWEST_AGREEING,
        "pairs": pairs,
        "files": [_describe(opened, in_kit, samples) for opened, in_kit in files],
    }
    yield f"{FOLDER}/page.json", json.dumps(facts, allow_nan=False).encode()
    for file in resources.files(__package__).joinpath("page").iterdir():
        yield (file.name if file.name == _AT_THE_TOP else f"{FOLDER}/{file.name}"), file.read_bytes()
    for rel, data in runtime.items():
        yield f"{FOLDER}/{rel}", data


def _describe(opened: OpenedFile, in_kit: KitFile, samples: Samples) -> dict[str, Any]:
    """How to prepare a picture for a file, how to call it, and which answers to expect."""
    spec, shown = opened.spec, opened.spec.data.preprocessing
    preparation, signature = spec.preparation, spec.signature
    exact = rule_for(in_kit.precision, on_cpu=True) == EXACT
    return {
        "label": in_kit.label,
        "file": in_kit.file,
        "bytes": spec.size_bytes,
        "precision": in_kit.precision,
        "input": signature.input_name,
        "output": signature.output_name,
        "layout": signature.layout,
        "dtype": signature.dtype,
        "batch": signature.batch,
        "channels": signature.channels,
        "size": spec.image_size,
        "grey": shown.channels == 1,
        "mean": preparation.mean,
        "std": preparation.std,
        "bgr": preparation.bgr,
        "framing": framing_facts(shown.framing, spec.image_size),
        "words": printable(f"{shown.resize}; {preparation.in_words()}"),
        "class_order": spec.class_order,
        "probabilities": spec.gives_probabilities,
        "images": in_kit.images,
        "logits": in_kit.logits,
        "tolerance": logit_tolerance(samples.arrays[in_kit.logits]) if exact else None,
    }


def framing_facts(framing: Framing, size: int) -> dict[str, Any]:
    """``square`` resizes the largest centred square, ``squash`` both sides, ``shorter`` the shorter side to pixels."""
    if framing.resize is None and framing.crop is None:
        return {"kind": "square", "pixels": size, "interpolation": framing.interpolation}
    kind = "squash" if framing.resize == "squash" else "shorter"
    return {"kind": kind, "pixels": framing.resized(size), "interpolation": framing.interpolation}
