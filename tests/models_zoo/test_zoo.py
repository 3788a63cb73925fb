import pytest
import torch
from torch import nn

from models_zoo.torchvision_mend import torchvision
from models_zoo.zoo import ALIASES, ARCHITECTURES, UnknownArchError, build_network, head_names

# torchvision's documented parameter counts at 1,000 classes and RGB images
DOCUMENTED = {
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "alexnet": 61_100_840,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_at_imagenets_size_are_torchvisions(name: str):
    network = build_network(name, classes=1000, channels=3, image_size=224)
    assert sum(p.numel() for p in network.parameters()) == DOCUMENTED[name]


@pytest.mark.parametrize("name", [*ARCHITECTURES, *ALIASES])
@pytest.mark.parametrize("channels", [1, 3])
def test_smallest_image_runs(name: str, channels: int):
    size = ARCHITECTURES[ALIASES.get(name, name)].min_size
    network = build_network(name, classes=11, channels=channels, image_size=size).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, channels, size, size)).shape == (2, 11)


@pytest.mark.parametrize("name", ["squeezenet", "alexnet"])
def test_one_pixel_less_is_refused(name: str):
    size = ARCHITECTURES[ALIASES.get(name, name)].min_size - 1
    with pytest.raises(ValueError, match=f"needs images of at least {size + 1} pixels, got {size}"):
        build_network(name, classes=3, image_size=size)


def test_the_smallest_sizes_are_the_smallest():
    for name in ("squeezenet1_0", "squeezenet1_1", "alexnet"):
        size = ARCHITECTURES[name].min_size
        network = ARCHITECTURES[name].build(num_classes=3).eval()
        with pytest.raises(RuntimeError):
            network(torch.zeros(1, 3, size - 1, size - 1))


def test_resnets_get_the_small_stem_up_to_64_pixels():
    small = build_network("resnet18", classes=10, channels=1, image_size=64)
    assert (small.conv1.kernel_size, small.conv1.stride, small.conv1.in_channels) == ((3, 3), (1, 1), 1)
    assert isinstance(small.maxpool, nn.Identity)
    large = build_network("resnet18", classes=10, channels=3, image_size=65)
    assert (large.conv1.kernel_size, large.conv1.stride) == ((7, 7), (2, 2))


def test_did_you_mean():
    with pytest.raises(UnknownArchError, match="unknown network 'sqeezenet': did you mean squeezenet"):
        build_network("sqeezenet", classes=10)
    with pytest.raises(UnknownArchError, match="known: alexnet, resnet101"):
        build_network("zzz", classes=10)


def test_heads_are_found_by_their_width():
    assert head_names(build_network("squeezenet", classes=9), classes=9) == ("classifier.1.weight", "classifier.1.bias")
    assert head_names(build_network("resnet18", classes=9), classes=9) == ("fc.weight", "fc.bias")


def test_torchvision_is_whole():
    assert torchvision.models.resnet18 is ARCHITECTURES["resnet18"].build
