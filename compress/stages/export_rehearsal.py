"""Whether a network can become an ONNX file, found out before it is trained: hours later is late to learn it."""

import tempfile
from pathlib import Path

from torch import Tensor, nn

from compress.config import DecidedConfig
from compress.errors import CheckFailedError, UsageError
from compress.stages.ship import prove_parity
from compress.verify.faults import export_faults
from exporters.errors import ExportError
from exporters.read.onnx_cost import count_cost
from exporters.write.onnx_export import check_size, export_onnx

IMAGES = 8


def check_fits_a_file(config: DecidedConfig, network: nn.Module) -> None:
    """Raise UsageError where the weights are more than one ONNX file can hold."""
    try:
        check_size(network)
    except ExportError as error:
        raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from None


def rehearse_export(config: DecidedConfig, network: nn.Module, images: Tensor, *, macs: int) -> None:
    """Export a network with fresh weights, ask both what they answer, and count both.

    Args:
        config: decided settings.
        network: left as it was.
        images: real ones (B, C, H, W).
        macs: of the network, for one image, as counted in its layers.

    Raises:
        UsageError: it cannot be exported, or the file answers otherwise than the network, or has other MACs.
    """
    _count, channels, height, width = images.shape
    with tempfile.TemporaryDirectory(prefix="compress-rehearsal-") as folder:
        path = Path(folder) / "network.onnx"
        try:
            with export_faults():
                export_onnx(network, path, input_shape=(channels, height, width), opset=config.opset, metadata={})
                prove_parity(network, path, images[:IMAGES].cpu(), threads=config.threads)
        except CheckFailedError as error:
            raise UsageError(f"{config.arch} cannot become an ONNX file: {error}") from error
        counted = count_cost(path).macs
    if counted != macs:
        raise UsageError(
            f"{config.arch}: {macs:,} MACs in its layers, {counted:,} in its ONNX file: a part of it is computed "
            "without a layer and cannot be counted; make convolutions and products with nn.Conv2d, nn.Linear or @"
        )
