"""The lines of the model card that classify a picture with onnxruntime, numpy and Pillow alone."""

import json
from collections.abc import Mapping
from typing import Any

from compress.data.framing import Framing
from compress.report.model import Report
from compress.runs import MODEL_FACTS
from compress.runs.network_files import channel_order_of, framing_of


def loading_snippet(report: Report, model_facts: Mapping[str, Any]) -> str:
    """Python that classifies one picture, run inside the run folder."""
    row = report.candidate
    channels, size = row.signature.channels, report.data.image_size
    order = "[..., ::-1]" if channel_order_of(model_facts) == "bgr" else ""
    return f"""\
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

facts = json.loads(Path("{MODEL_FACTS}").read_text(encoding="utf-8"))
image = ImageOps.exif_transpose(Image.open("photo.png")).convert("{"L" if channels == 1 else "RGB"}")
{_framing_lines(framing_of(model_facts), size)}
pixels_HWC = np.asarray(image, np.float32).reshape({size}, {size}, {channels}){order} / 255
normal_HWC = (pixels_HWC - np.float32(facts["mean"])) / np.float32(facts["std"])
batch = np.ascontiguousarray(normal_HWC.transpose(2, 0, 1)[None])
session = onnxruntime.InferenceSession({json.dumps(row.file)})
logits = session.run(None, {{{json.dumps(row.signature.input_name)}: batch}})[0][0]
print(facts["classes"][int(logits.argmax())])"""


def _framing_lines(framing: Framing, size: int) -> str:
    """What ``Framing.fit`` does, in Pillow."""
    pixels, how = framing.resized(size), f"Image.Resampling.{framing.resampling.name}"
    if framing.resize is None and framing.crop is None:
        return f"""\
side = min(image.size)
left, top = (image.width - side) // 2, (image.height - side) // 2
image = image.crop((left, top, left + side, top + side))
image = image.resize(({size}, {size}), {how})"""
    if framing.resize == "squash":
        lines = [f"image = image.resize(({pixels}, {pixels}), {how})"]
    else:
        sides = f"({pixels} * image.width // side, {pixels} * image.height // side)"
        lines = ["side = min(image.size)", f"image = image.resize({sides}, {how})"]
    if framing.resize != "squash" or pixels != size:
        lines += [
            f"left, top = round((image.width - {size}) / 2), round((image.height - {size}) / 2)",
            f"image = image.crop((left, top, left + {size}, top + {size}))",
        ]
    return "\n".join(lines)
