"""``model.json`` and the ONNX metadata: classes and preprocessing, enough to use a file without this package."""

import json
from collections.abc import Mapping
from typing import Any

from compress.data.bundle import DataBundle
from compress.version import __version__


def input_facts(data: DataBundle) -> dict[str, Any]:
    """Classes in the order of the logits, size, channels, and how 8-bit pixels become the input."""
    shown = data.preprocessing
    return {
        "classes": list(data.classes),
        "image_size": shown.image_size,
        "channels": shown.channels,
        "mean": list(shown.mean),
        "std": list(shown.std),
        "resize": shown.resize,
        "pixel_scale": "divide 8-bit pixels by 255, then subtract mean and divide by std, per channel",
        "layout": "NCHW, float32",
    }


def file_metadata(data: DataBundle) -> dict[str, str]:
    """The same as an ONNX file's metadata: every value as JSON."""
    facts = {key: json.dumps(value) for key, value in input_facts(data).items()}
    return facts | {"producer": f"compress {__version__}"}


def model_facts(data: DataBundle, *, arch: str, files: Mapping[str, str]) -> dict[str, Any]:
    """What ``model.json`` holds; ``files`` is label -> name of the file beside it."""
    return {
        "schema_version": "1.0",
        "arch": arch,
        "input": "images",
        "output": "logits",
        "files": dict(files),
        "data_fingerprint": data.fingerprint,
        **input_facts(data),
    }
