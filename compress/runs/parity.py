"""Parity: an ONNX file compared with its module on real images."""

from pathlib import Path

from torch import Tensor, nn

from compress.errors import CheckFailedError
from exporters.read.parity import ParityReport, check_parity


def prove_parity(network: nn.Module, path: Path, images: Tensor, *, threads: int) -> ParityReport:
    """The file answers as the module does on real images (B, C, H, W).

    Raises:
        CheckFailedError: it does not.
    """
    parity = check_parity(network, path, [images], threads=threads)
    if not parity.passed:
        raise CheckFailedError(
            f"{path.name}: onnxruntime and torch differ by {parity.max_abs_difference:.2e} "
            f"(allowed {parity.tolerance:.0e}) and agree on {parity.argmax_agreeing} of {parity.images} images"
        )
    return parity
