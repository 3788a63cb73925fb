import sys

import pytest
import torch

from models_zoo import timm_models
from models_zoo.architecture import MissingExtraError, UnfitInputError, UnknownArchError
from models_zoo.zoo import build_network, find_architecture, head_names


@pytest.mark.parametrize(
    ("name", "channels", "size"),
    [
        ("timm/resnet10t", 1, 32),
        ("timm/mobilenetv4_conv_small_035", 3, 64),
        ("timm/vit_tiny_patch16_224", 1, 48),  # a transformer is built for its image size
    ],
)
def test_timms_networks_are_fitted_to_classes_channels_and_size(name: str, channels: int, size: int):
    network = build_network(name, classes=7, channels=channels, image_size=size).eval()
    assert network(torch.randn(2, channels, size, size)).shape == (2, 7)
    assert head_names(network, classes=7)


def test_the_sizes_that_a_network_takes_are_found_by_trying():
    assert find_architecture("timm/efficientformer_l1").small_size == 224
    assert timm_models.find("timm/resnet10t").small_size == 64
    with pytest.raises(UnfitInputError, match=r"levit_128 does not take images of 56 .* takes 32, 64, 96, 128, 224"):
        build_network("timm/levit_128", classes=3, image_size=56)


def test_pretrained_weights_are_brought_into_todays_form_and_to_the_size_of_the_images():
    for name, tag in (("mobilenetv3_small_100", "lamb_in1k"), ("vit_tiny_patch16_224", "augreg_in21k_ft_in1k")):
        state = build_network(f"timm/{name}", classes=1000, image_size=224).state_dict()
        found = timm_models.in_todays_form(f"timm/{name}.{tag}", state, image_size=64)
        network = build_network(f"timm/{name}", classes=1000, image_size=64)
        network.load_state_dict(found)
        assert all(torch.equal(value, state[key]) for key, value in found.items() if key != "pos_embed")


def test_a_name_that_timm_lacks_suggests_one_it_has():
    with pytest.raises(UnknownArchError, match="did you mean timm/resnet18"):
        find_architecture("timm/resnet18x")
    assert "timm/resnet18" in timm_models.names()


def test_without_timm_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # what an import of a package that is not there meets
    with pytest.raises(MissingExtraError, match=r"pip install 'compress-edropout\[timm\]'"):
        build_network("timm/resnet26t", classes=3)
