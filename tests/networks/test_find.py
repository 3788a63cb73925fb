"""Settings -> the network they name: the zoo's errors as their users meet them."""

import sys

import pytest
import torch

from compress.errors import EnvironmentProblem, UsageError
from compress.networks.find import find_network


def test_a_network_of_the_zoo_comes_with_its_sizes():
    network = find_network("resnet18")
    assert (network.min_size, network.small_size, network.full_size, network.paper_size) == (16, 32, 224, 32)
    built = network.build(classes=4, channels=1, image_size=32).eval()
    assert built(torch.zeros(1, 1, 32, 32)).shape == (1, 4)


def test_one_of_timms_too():
    network = find_network("timm/resnet10t")
    assert network.build(classes=4, channels=3, image_size=64).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 4)


def test_an_unknown_name_suggests_a_known_one():
    with pytest.raises(UsageError, match="did you mean resnet18"):
        find_network("resnet_18")


def test_images_and_classes_that_do_not_fit_are_a_fault_of_the_settings():
    with pytest.raises(UsageError, match="multiple of 16 pixels, got 70"):
        find_network("vit_b_16").build(classes=4, channels=3, image_size=70)
    with pytest.raises(UsageError, match="at most 1024 classes"):
        find_network("channelnet_v3").build(classes=2000, channels=3, image_size=64)


def test_timm_that_is_not_installed_is_a_problem_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'compress-edropout\[timm\]'"):
        find_network("timm/resnet14t")
