"""Sample files of a run's network for a kit: their times on the device are what ``compress run --target`` needs."""

from collections.abc import Iterator

from compress.data.bundle import DataBundle
from compress.runs.stage_context import check_images, find_prunable, fresh_network
from compress.settings.config import DecidedConfig
from compress.target.samples import SAMPLES, make_samples


def sample_files(config: DecidedConfig, data: DataBundle) -> Iterator[tuple[str, bytes]]:
    """Path in the kit and content of each, the whole network first; UsageError if it cannot be cut to enough shapes."""
    network, images = fresh_network(config, data), check_images(config, data)
    prunable = find_prunable(config, network, images)
    samples = make_samples(network, prunable, images[:2], opset=config.opset, count=SAMPLES)
    for number, file in enumerate(samples.files):
        yield f"layers/{number:03d}.onnx", file.data
