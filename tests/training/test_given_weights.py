"""Given weights that answer better with images prepared in another way, or worse than is published."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.data.preprocessing import Preprocessing
from compress.data.splits import MemorySplit
from compress.training.evaluate import Evaluation
from compress.training.given_weights import warn_of_other_preprocessing, warn_of_published

IMAGENET = Preprocessing(4, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = replace(IMAGENET, mean=(0.5,) * 3, std=(0.5,) * 3)


class Levels(nn.Module):
    """Answers with the nearest of ten levels of red, in the numbers that it was made for."""

    def __init__(self, shown: Preprocessing) -> None:
        super().__init__()
        levels = torch.arange(5, 256, 25, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 4, 4, 3)
        red = 2 if shown.channel_order == "bgr" else 0
        self.levels = nn.Parameter(shown.normalise(levels)[:, red].mean((1, 2)))
        self.red = red

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -(images[:, self.red].mean((1, 2))[:, None] - self.levels).abs()


def images(shown: Preprocessing, count: int = 300) -> MemorySplit:
    """Ten classes of red; green and blue are the same in all."""
    labels = torch.arange(count) % 10
    pixels = torch.full((count, 4, 4, 3), 200, dtype=torch.uint8)
    pixels[..., 0] = (5 + 25 * labels).to(torch.uint8)[:, None, None]
    return MemorySplit(pixels, labels, shown)


@pytest.mark.parametrize(
    ("trained", "flags"),
    [
        (HALF, "--mean 0.5 --std 0.5"),
        (replace(HALF, mean=(0.0,) * 3, std=(1.0,) * 3), "--mean 0 --std 1"),
        (replace(HALF, mean=(0.0,) * 3, std=(1 / 255,) * 3), "--mean 0 --std 1 --pixel-range 255"),
        (replace(IMAGENET, channel_order="bgr"), "--channel-order bgr"),
    ],
)
def test_the_preprocessing_that_the_weights_were_trained_with_is_named(trained, flags):
    network = Levels(trained).train()
    (warning,) = warn_of_other_preprocessing(network, images(IMAGENET), IMAGENET, batch_size=64)
    assert warning.startswith("likely the wrong preprocessing: Top-1 of the given weights is ")
    assert f"% on 256 training images, and 100.0% with {flags}: were they trained so?" in warning
    assert network.training


def test_nothing_is_said_where_the_images_are_right_or_no_other_way_is_clearly_better():
    for shown in (IMAGENET, HALF):
        assert warn_of_other_preprocessing(Levels(shown), images(shown), shown, batch_size=64) == ()
    few = images(IMAGENET, 10)  # too few to tell
    assert warn_of_other_preprocessing(Levels(HALF), few, IMAGENET, batch_size=64) == ()


def test_far_below_what_is_published():
    assert warn_of_published(Evaluation(1.0, 0.70, 1000), 75.0) == ()  # 70 % and up to 73 % are not far below
    (warning,) = warn_of_published(Evaluation(1.0, 0.61, 1000), 77.7)
    assert warn_of_published(Evaluation(1.0, 0.61, 1000), None) == ()
    assert "is 61.0% on 1,000 validation images, 77.7% is published" in warning
