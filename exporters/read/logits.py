"""The logits of an ONNX file over a data set, and parity: are they those of its module in torch?"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from exporters.errors import ExportError, OnnxFileError
from exporters.module_copy import copy_module
from exporters.read.classifier import open_session
from exporters.read.preparation import Conversion
from exporters.read.session import CPU_PROVIDER, run_batches, session_options
from exporters.read.tolerance import logit_tolerance


def predict_logits(
    path: Path,
    batches: Iterable[Tensor],
    *,
    threads: int,
    conversion: Conversion | None = None,
    provider: str = CPU_PROVIDER,
) -> np.ndarray:
    """Scores [N, K], float32, of the file for all images in order.

    ``batches`` are normalised float32 images [B, C, H, W] of any B, to which ``conversion`` is applied first. A file
    with a fixed batch gets batches of that size, the last filled up with zeros. OnnxFileError if the file cannot be
    opened or a call does not end, ExportError if there are no images or not of the shape that the file asks for.
    """
    arrays = (batch.cpu().numpy() for batch in batches)
    if conversion is not None:
        arrays = (conversion.convert(batch) for batch in arrays)
    session = open_session(path, threads=threads, provider=provider)
    try:
        return run_batches(session, arrays)
    except OnnxFileError as error:
        raise OnnxFileError(f"{path}: {error}") from error


@dataclass(frozen=True)
class ParityReport:
    """Torch's logits against onnxruntime's, on the same images.

    ``argmax_agreeing`` counts images on which both predict the same class; ``tolerance`` is the largest difference
    that passes, for logits of this size.
    """

    images: int
    max_abs_difference: float
    argmax_agreeing: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether no logit differs by more than the tolerance."""
        return self.max_abs_difference <= self.tolerance


def check_parity(model: nn.Module, path: Path, batches: Iterable[Tensor], *, threads: int) -> ParityReport:
    """Compare a module in evaluation mode with its ONNX file on normalised float32 images [B, C, H, W].

    Both run on the CPU in full float32, because a GPU's convolutions may use TF32, which rounds by more than the
    tolerance of ``logit_tolerance``; ``model`` may be on any device and is not changed.

    The file runs as users run it, with onnxruntime's optimisations. A file that fails with them and passes without
    has a fault of onnxruntime, not of the network: an ExportError of its own. ExportError also if there are no
    images, a logit is not finite, or the numbers of classes differ.
    """
    module = copy_module(model).cpu().eval()
    images = [batch.cpu() for batch in batches]
    onnx_NK = predict_logits(path, images, threads=threads)
    with torch.no_grad():
        torch_NK = torch.cat([module(batch) for batch in images]).numpy()
    report = _compare(torch_NK, onnx_NK, path)
    if report.passed:
        return report
    options = session_options(threads=threads, emulated=True)
    session = open_session(path, threads=threads, options=options)
    unoptimised = _compare(torch_NK, run_batches(session, (batch.numpy() for batch in images)), path)
    if unoptimised.passed:
        raise ExportError(
            f"expected onnxruntime to answer as torch does, within {report.tolerance:.0e}, {path.name} differs by "
            f"{report.max_abs_difference:.2e}, and by {unoptimised.max_abs_difference:.2e} where onnxruntime's graph "
            "optimisations are off: they are at fault, not the network; try to write its products of matrices "
            "in another way, such as x @ v[:, None] for x @ v"
        )
    return report


def _compare(torch_NK: np.ndarray, onnx_NK: np.ndarray, path: Path) -> ParityReport:
    if torch_NK.shape != onnx_NK.shape:
        raise ExportError(f"expected logits {torch_NK.shape} as from torch, {path} gives {onnx_NK.shape}")
    if not (np.isfinite(torch_NK).all() and np.isfinite(onnx_NK).all()):
        raise ExportError(f"expected finite logits from the module and {path}, got NaN or infinity")
    return ParityReport(
        images=len(torch_NK),
        max_abs_difference=float(np.abs(torch_NK - onnx_NK).max()),
        argmax_agreeing=int((torch_NK.argmax(1) == onnx_NK.argmax(1)).sum()),
        tolerance=logit_tolerance(torch_NK),
    )
