"""Test images that the two networks classify differently, as pictures for the report.

Axes: N images, K classes.
"""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compress.data.bundle import DataBundle
from compress.report.model import ChangedImage

LOST, WON = 16, 8
"""Most images shown that only the original has right, and that only the candidate has right."""

_SIDE = 96  # pixels


def changed_images(data: DataBundle, original_NK: np.ndarray, candidate_NK: np.ndarray) -> tuple[ChangedImage, ...]:
    """Some images that one network has right and the other has not, evenly spread over the test split.

    Args:
        data: the images; its test split is shown.
        original_NK: the original's logits.
        candidate_NK: the candidate's logits.
    """
    labels_N = data.test.labels.numpy()
    original_N, candidate_N = original_NK.argmax(axis=1), candidate_NK.argmax(axis=1)
    lost = np.flatnonzero((original_N == labels_N) & (candidate_N != labels_N))
    won = np.flatnonzero((original_N != labels_N) & (candidate_N == labels_N))
    chosen = [*_spread(lost, LOST), *_spread(won, WON)]
    if not chosen:
        return ()
    images, _labels = next(iter(data.test.subset(torch.tensor(chosen)).batches(len(chosen))))
    return tuple(
        ChangedImage(
            index=index,
            truth=int(labels_N[index]),
            original=int(original_N[index]),
            candidate=int(candidate_N[index]),
            png=_png(image, data),
        )
        for index, image in zip(chosen, images, strict=True)
    )


def _spread(places: np.ndarray, most: int) -> list[int]:
    picked = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    return [int(place) for place in places[picked]]


def _png(image_CHW: Tensor, data: DataBundle) -> str:
    """An image as it was before normalisation, at most ``_SIDE`` pixels a side, as base64."""
    shown = data.preprocessing
    pixels = image_CHW.permute(1, 2, 0).numpy() * np.array(shown.std) + np.array(shown.mean)
    levels = (255 * pixels).round().clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(levels[..., 0] if shown.channels == 1 else levels)
    picture.thumbnail((_SIDE, _SIDE))
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
