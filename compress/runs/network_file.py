"""A network as an ONNX file: written with its classes and preprocessing, and compared with its module."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from compress.channels.costs import Cost
from compress.data.bundle import DataBundle
from compress.errors import CheckFailedError
from compress.runs.file_records import FileRecord
from compress.version import __version__
from exporters.read.cost import count_cost
from exporters.read.parity import ParityReport, check_parity
from exporters.write.onnx_export import export_onnx


def export_network(
    network: nn.Module, path: Path, data: DataBundle, *, opset: int, cost: Cost | None = None, **facts: Any
) -> FileRecord:
    """Write a float32 file; its metadata are the classes and the preprocessing, every value as JSON.

    ``cost`` is that of the module; by default it is counted in the file. ``facts`` are other fields of the record.
    """
    metadata = {key: json.dumps(value) for key, value in _input_facts(data).items()}
    artifact = export_onnx(
        network,
        path,
        input_shape=data.preprocessing.input_shape,
        opset=opset,
        metadata=metadata | {"producer": f"compress {__version__}"},
    )
    counted = cost or count_cost(path)
    return FileRecord(
        file=str(path),
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        precision="fp32",
        macs=counted.macs,
        parameters=counted.parameters,
        denormals_flushed=artifact.denormals_flushed,
        **facts,
    )


def prove_parity(network: nn.Module, path: Path, images: Tensor, *, threads: int) -> ParityReport:
    """Compare a file with its module on real images (B, C, H, W); CheckFailedError if their answers differ."""
    parity = check_parity(network, path, [images], threads=threads)
    if not parity.passed:
        raise CheckFailedError(
            f"{path.name}: onnxruntime and torch differ by {parity.max_abs_difference:.2e} "
            f"(allowed {parity.tolerance:.0e}) and agree on {parity.argmax_agreeing} of {parity.images} images"
        )
    return parity


def model_facts(data: DataBundle, *, arch: str, files: Iterable[FileRecord]) -> dict[str, Any]:
    """What ``model.json`` holds: enough to use the files beside it without this package."""
    return {
        "schema_version": "1.0",
        "arch": arch,
        "input": "images",
        "output": "logits",
        "files": {file.label: file.name for file in files},
        "data_fingerprint": data.fingerprint,
        **_input_facts(data),
    }


def _input_facts(data: DataBundle) -> dict[str, Any]:
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
