"""Images whose answer changed: which are shown, and that the picture is the image."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.bundle import DataBundle, Preprocessing
from compress.data.memory import MemorySplit
from compress.verdict.changed_images import LOST, WON, changed_images


def bundle(pixels_NHWC: np.ndarray, labels: list[int]) -> DataBundle:
    channels = pixels_NHWC.shape[3]
    shown = Preprocessing(
        image_size=pixels_NHWC.shape[1], channels=channels, mean=(0.3,) * channels, std=(0.2,) * channels, resize="none"
    )
    split = MemorySplit(torch.from_numpy(pixels_NHWC), torch.tensor(labels), preprocessing=shown)
    return DataBundle(
        name="by hand", classes=("a", "b"), train=split, val=split, test=split, preprocessing=shown,
        fingerprint="f", test_fingerprint="t",
    )  # fmt: skip


def logits(answers: list[int]) -> np.ndarray:
    return np.eye(2, dtype=np.float32)[answers]


@pytest.mark.parametrize("channels", [1, 3])
def test_lost_images_first_then_won_each_as_it_was(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, channels), dtype=np.uint8)
    found = changed_images(bundle(pixels, [0, 1, 0, 1]), logits([0, 1, 1, 1]), logits([0, 0, 0, 0]))
    assert [(image.index, image.truth, image.original, image.candidate) for image in found] == [
        (1, 1, 1, 0), (3, 1, 1, 0), (2, 0, 1, 0),
    ]  # fmt: skip
    for image in found:
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.png)))).reshape(8, 8, channels)
        assert (shown == pixels[image.index]).all()


def test_no_image_changed():
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    assert changed_images(bundle(pixels, [0, 1]), logits([0, 0]), logits([0, 0])) == ()


def test_at_most_so_many_evenly_spread_and_small():
    count = 100
    pixels = np.zeros((count, 128, 128, 1), np.uint8)
    found = changed_images(bundle(pixels, [0] * count), logits([0] * 60 + [1] * 40), logits([1] * 60 + [0] * 40))
    places = [image.index for image in found]
    assert len(places) == LOST + WON
    assert (places[0], places[LOST - 1], places[LOST], places[-1]) == (0, 59, 60, 99)
    assert max(np.diff(places[:LOST])) <= 5
    assert Image.open(io.BytesIO(base64.b64decode(found[0].png))).size == (96, 96)
