"""Settings -> the network they name, and the images that a user's network takes."""

import sys

import pytest
import torch
from torch import nn

from compress.errors import EnvironmentProblem, UsageError
from compress.networks.find import find_network, fit
from compress.networks.own_code import OwnCode
from compress.networks.own_network import BATCH, Images
from tests.helpers.networks import layers


def test_a_network_of_the_zoo_comes_with_its_sizes_and_one_of_timms_too():
    network = find_network("resnet18")
    assert (network.min_size, network.small_size, network.full_size, network.paper_size) == (16, 32, 224, 32)
    built = network.build(classes=4, channels=1, image_size=32).eval()
    assert built(torch.zeros(1, 1, 32, 32)).shape == (1, 4)
    of_timm = find_network("timm/resnet10t").build(classes=4, channels=3, image_size=64).eval()
    assert of_timm(torch.zeros(1, 3, 64, 64)).shape == (1, 4)


def test_unknown_names_and_images_and_classes_that_do_not_fit_are_faults_of_the_settings():
    with pytest.raises(UsageError, match="did you mean resnet18"):
        find_network("resnet_18")
    with pytest.raises(UsageError, match="multiple of 16 pixels, got 70"):
        find_network("vit_b_16").build(classes=4, channels=3, image_size=70)
    with pytest.raises(UsageError, match="at most 1024 classes"):
        find_network("channelnet_v3").build(classes=2000, channels=3, image_size=64)


def test_timm_that_is_not_installed_is_a_problem_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'compress-edropout\[timm\]'"):
        find_network("timm/resnet14t")


SMALL = Images(size=12, channels=1, classes=3)


def fit_any(code: OwnCode, given: Images = SMALL, *, size: bool = True, channels: bool = True) -> Images:
    return fit(code, "net", given, any_size=size, any_channels=channels)


@pytest.mark.parametrize("wanted", [1, 3])
def test_the_other_number_of_channels_is_found(wanted):
    code = layers(lambda _: nn.Conv2d(wanted, 4, 3), lambda _: nn.Flatten(), nn.LazyLinear)
    given = Images(size=12, channels=4 - wanted, classes=3)
    assert fit_any(code, given, size=False) == Images(12, wanted, 3)
    with pytest.raises(UsageError, match=r"(?s)does not take .* images of 12 x 12 pixels.*Nor does it take"):
        fit_any(code, given, channels=False)


def test_the_only_size_it_takes_or_the_nearest_of_several_is_found_or_named():
    code = layers(lambda _: nn.Flatten(), lambda n: nn.Linear(28 * 28, n))
    given = Images(size=48, channels=1, classes=3)
    assert fit_any(code, given) == Images(28, 1, 3)
    with pytest.raises(UsageError, match=r"(?s)It takes grey images of 28 pixels: try --image-size 28"):
        fit_any(code, given, size=False)

    code = layers(lambda n: nn.Conv2d(1, n, 60), lambda _: nn.AdaptiveAvgPool2d(1), lambda _: nn.Flatten())
    assert fit_any(code, Images(32, 1, 3)).size == 64
    with pytest.raises(UsageError, match=r"It takes grey images of 64, 96, 128, 224 pixels: try --image-size 64"):
        fit_any(code, Images(32, 1, 3), size=False)


def test_a_reshape_that_mixes_images_is_no_fit():
    code = layers(lambda _: nn.Unflatten(3, (2, -1)), lambda _: nn.Flatten(0, 3), nn.LazyLinear)
    with pytest.raises(UsageError, match=rf"{BATCH} images gave \d+ rows of logits; keep them apart with x.flatten"):
        fit_any(code, size=False, channels=False)


def test_only_another_size_than_those_tried_of_the_other_colour():
    code = layers(lambda _: nn.Conv2d(3, 4, 3), lambda _: nn.Flatten(), lambda n: nn.Linear(4 * 38 * 38, n))
    with pytest.raises(UsageError) as caught:  # made for RGB images of 40 pixels
        fit_any(code, Images(48, 1, 3))
    grey, colour = str(caught.value).split("net does not take RGB images of 48 x 48 pixels:\n")
    assert grey.startswith("net does not take grey images of 48 x 48 pixels:\n")
    assert "to have 3 channels, but got 1 channels" in grey
    assert "mat1 and mat2 shapes cannot be multiplied (4x8464 and 5776x3)" in colour  # 4 * 46 * 46, 4 * 38 * 38
    assert colour.endswith("if it was made for another size: --image-size N")
    assert fit_any(code, Images(40, 1, 3), size=False) == Images(40, 3, 3)


class Strange(BaseException):
    """Neither an Exception nor Ctrl-C."""


class Raises(nn.Linear):
    def __init__(self, error: type[BaseException]) -> None:
        super().__init__(3, 3)
        self.error = error

    def forward(self, _images):
        raise self.error(0)


@pytest.mark.parametrize("error", [SystemExit, Strange])
def test_whatever_a_forward_raises_is_a_refusal_said_once(error):
    with pytest.raises(UsageError, match=r"^net does not take grey or RGB images of 12 x 12 pixels:") as caught:
        fit_any(OwnCode("", lambda _: Raises(error)))
    assert str(caught.value).count(f"{error.__name__}: 0") == 1
    with pytest.raises(KeyboardInterrupt):  # Ctrl-C is no refusal
        fit_any(OwnCode("", lambda _: Raises(KeyboardInterrupt)))
