"""The logits of an ONNX file over a whole data set."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession
from torch import Tensor

from exporters.errors import ExportError
from exporters.read.preparation import Conversion
from exporters.read.session import open_session, run_logits


def predict_logits(
    path: Path, batches: Iterable[Tensor], *, threads: int, conversion: Conversion | None = None
) -> np.ndarray:
    """Scores [N, K], float32, of the file for all images in order.

    A file with a fixed batch gets the images in batches of that size, the last filled up with zeros.

    ``batches`` are normalised float32 images [B, C, H, W], to which ``conversion`` is applied first; B may differ from
    batch to batch.

    Raises:
        OnnxFileError: the file cannot be opened.
        ExportError: there are no images, or not of the shape that the file asks for.
    """
    session = open_session(path, threads=threads)
    arrays = (batch.cpu().numpy() for batch in batches)
    if conversion is not None:
        arrays = (conversion.convert(batch) for batch in arrays)
    batch_size = session.get_inputs()[0].shape[0]
    if isinstance(batch_size, int):
        parts = [_run_fixed(session, part, batch_size) for part in _rebatched(arrays, batch_size)]
    else:
        parts = [run_logits(session, part) for part in arrays]
    if not parts:
        raise ExportError("expected at least one batch of images, got none")
    return np.concatenate(parts)


def _rebatched(batches: Iterable[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
    """The same images in batches of ``batch_size``; the last may be smaller."""
    rest: list[np.ndarray] = []
    for batch in batches:
        joined = np.concatenate([*rest, batch])
        whole = len(joined) // batch_size * batch_size
        yield from np.split(joined[:whole], len(joined) // batch_size) if whole else ()
        rest = [joined[whole:]]
    yield from (part for part in rest if len(part))


def _run_fixed(session: InferenceSession, images: np.ndarray, batch_size: int) -> np.ndarray:
    filling = np.zeros((batch_size - len(images), *images.shape[1:]), images.dtype)
    scores = run_logits(session, np.concatenate([images, filling]))
    if len(scores) != batch_size:
        raise ExportError(f"expected scores of {batch_size} images, the file gives {len(scores)}")
    return scores[: len(images)]
