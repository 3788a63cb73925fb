"""What an ONNX file answers, over a whole data set."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from exporters.errors import ExportError
from exporters.session import open_session, run_logits


def predict_logits(path: Path, batches: Iterable[Tensor], *, threads: int) -> np.ndarray:
    """Logits [N, K], float32, of the file for all images in order.

    Args:
        path: an ONNX file with input [batch, C, H, W] and output [batch, K].
        batches: float32 images [B, C, H, W], normalised; B may differ from batch to batch.
        threads: onnxruntime's threads.

    Raises:
        OnnxFileError: the file cannot be opened.
        ExportError: there are no images, or not of the shape that the file asks for.
    """
    session = open_session(path, threads=threads)
    parts = [run_logits(session, batch.cpu().numpy()) for batch in batches]
    if not parts:
        raise ExportError("expected at least one batch of images, got none")
    return np.concatenate(parts)
