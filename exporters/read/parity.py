"""Parity: does an ONNX file give the logits of its module? Torch against onnxruntime, on real images."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from onnxruntime import GraphOptimizationLevel, InferenceSession
from torch import Tensor, nn

from exporters.errors import ExportError
from exporters.read.session import open_session, run_logits, session_options

LARGE_LOGIT = 10.0


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


def check_parity(
    model: nn.Module, path: Path, batches: Iterable[Tensor], *, tolerance: float = 1e-4, threads: int
) -> ParityReport:
    """Compare a module in evaluation mode with its ONNX file, both on the CPU in full float32.

    On the CPU, because a GPU's convolutions may use TF32, which rounds by more than the tolerance. Float32
    rounds in proportion: near 500, neighbouring numbers are 3e-5 apart. So above ``LARGE_LOGIT`` the
    tolerance grows with the largest logit.

    The file runs as users run it, with onnxruntime's optimisations. A file that fails with them and passes
    without has a fault of onnxruntime, not of the network, and raises an error of its own.

    ``batches`` are normalised float32 images [B, C, H, W]. ``model`` may be on any device and is not changed.

    Raises:
        ExportError: there are no images, or a logit is not finite, or the numbers of classes differ, or
            onnxruntime's optimisations change the answers.
    """
    module = copy.deepcopy(model).cpu().eval()
    images = [batch.cpu() for batch in batches]
    report = _compare(module, path, images, tolerance, open_session(path, threads=threads))
    if report.passed:
        return report
    options = session_options(threads=threads)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    unoptimised = _compare(module, path, images, tolerance, open_session(path, threads=threads, options=options))
    if unoptimised.passed:
        raise ExportError(
            f"expected onnxruntime to answer as torch does, within {report.tolerance:.0e}, {path.name} differs by "
            f"{report.max_abs_difference:.2e}, and by {unoptimised.max_abs_difference:.2e} where onnxruntime's graph "
            "optimisations are off: they are at fault, not the network; try to write its products of matrices "
            "in another way, such as x @ v[:, None] for x @ v"
        )
    return report


def _compare(
    module: nn.Module, path: Path, batches: list[Tensor], tolerance: float, session: InferenceSession
) -> ParityReport:
    images, agreeing, largest, top_logit = 0, 0, 0.0, 0.0
    with torch.no_grad():
        for batch in batches:
            torch_BK = module(batch).numpy()
            onnx_BK = run_logits(session, batch.numpy())
            if torch_BK.shape != onnx_BK.shape:
                raise ExportError(f"expected logits {torch_BK.shape} as from torch, {path} gives {onnx_BK.shape}")
            if not (np.isfinite(torch_BK).all() and np.isfinite(onnx_BK).all()):
                raise ExportError(f"expected finite logits from the module and {path}, got NaN or infinity")
            images += len(batch)
            agreeing += int((torch_BK.argmax(1) == onnx_BK.argmax(1)).sum())
            largest = max(largest, float(np.abs(torch_BK - onnx_BK).max()))
            top_logit = max(top_logit, float(np.abs(torch_BK).max()))
    if not images:
        raise ExportError("expected at least one batch of images, got none")
    allowed = tolerance * max(1.0, top_logit / LARGE_LOGIT)
    return ParityReport(images=images, max_abs_difference=largest, argmax_agreeing=agreeing, tolerance=allowed)
