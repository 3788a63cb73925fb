"""Sample files of a run's network for a kit: their times on the device are what ``compress run --target`` needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from compress.data.bundle import DataBundle
from compress.environment import isa
from compress.runs.int8_files import int8_types
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig
from compress.target.samples import SAMPLES, make_samples
from exporters.measure.layer_times import Int8For


@dataclass(frozen=True)
class LayerFiles:
    """Path in the kit -> content, the reference first, and what they are for."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    int8_for: Int8For = ""


NO_LAYERS: Final = LayerFiles()


def layer_files(config: DecidedConfig, data: DataBundle, *, int8_for: Int8For = "") -> LayerFiles:
    """The sample files, with ``int8_for`` a processor in INT8; UsageError if too few shapes can be cut.

    ExportError if the network cannot be quantised.
    """
    network, images = fresh_network(config, data), check_images(config, data)
    prunable = find_prunable(config, network, images)
    types = int8_types(int8_for, isa()) if int8_for else None
    samples = make_samples(network, prunable, images[:2], opset=config.opset, count=SAMPLES, int8=types)
    files = {f"layers/{number:03d}.onnx": file.data for number, file in enumerate(samples.files)}
    return LayerFiles(files, int8_for)
