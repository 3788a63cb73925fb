import re

import pytest
import torch
from torch import nn

from models_zoo.architecture import UnfitInputError
from models_zoo.torchvision_mend import torchvision
from models_zoo.torchvision_models import TORCHVISION
from models_zoo.zoo import build_network

NAMES = torchvision.models.list_models(module=torchvision.models)
SMALLEST = {}  # family -> its smallest network
for _name in sorted(TORCHVISION, key=lambda name: TORCHVISION[name].parameters):
    SMALLEST.setdefault(TORCHVISION[_name].family, _name)
LIGHT = [name for name in SMALLEST.values() if TORCHVISION[name].parameters < 30e6 and name != "maxvit_t"]
BY_FAMILY = [pytest.param(name, marks=() if name in SMALLEST.values() else pytest.mark.slow) for name in NAMES]


def build(name: str, **options: int) -> nn.Module:
    """On the meta device, shapes without memory, where the builder can: RegNet's calculates with tensors."""
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        return build_network(name, **{"classes": 1000, "image_size": TORCHVISION[name].full_size} | options)


def test_all_of_torchvisions_classifiers_are_there():
    assert len(NAMES) == 80
    assert set(TORCHVISION) == set(NAMES)


@pytest.mark.parametrize("name", BY_FAMILY)
def test_parameters_are_those_that_torchvision_documents(name: str):
    assert sum(parameter.numel() for parameter in build(name).parameters()) == TORCHVISION[name].parameters


@pytest.mark.parametrize("name", BY_FAMILY)
def test_logits_at_the_smallest_and_the_usual_sizes(name: str):
    known = TORCHVISION[name]
    for size, channels in ((known.min_size, 1), (known.small_size, 3)):
        network = build(name, classes=11, channels=channels, image_size=size).eval().to("meta")
        images = torch.empty(2, channels, size, size, device="meta")
        assert network(images).shape == (2, 11)


@pytest.mark.parametrize("name", LIGHT)
def test_grey_images_are_learned_from(name: str):
    size = max(TORCHVISION[name].min_size, 32)
    network = build_network(name, classes=5, channels=1, image_size=size)
    logits = network(torch.randn(2, 1, size, size))  # in training mode there are no auxiliary outputs either
    logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(
    "name", ["alexnet", "squeezenet1_0", "squeezenet1_1", "vgg11", "densenet121", "inception_v3", "convnext_tiny"]
)
def test_one_pixel_less_than_the_smallest_would_not_run(name: str):
    size = TORCHVISION[name].min_size - 1
    with pytest.raises(UnfitInputError, match=f"{name} needs images of at least {size + 1} pixels, got {size}"):
        build_network(name, classes=3, image_size=size)
    with pytest.raises((RuntimeError, AssertionError)), torch.device("meta"):
        TORCHVISION[name].build(classes=3, channels=3, image_size=size).eval()(torch.zeros(1, 3, size, size))


@pytest.mark.parametrize(
    ("name", "size", "advice"),
    [
        ("vit_b_16", 70, "multiple of 16 pixels, got 70: try 64 or 80"),
        ("vit_h_14", 32, "multiple of 14 pixels, got 32: try 28 or 42"),
        ("vit_b_32", 33, "multiple of 32 pixels, got 33: try 32 or 64"),
        ("maxvit_t", 256, "multiple of 224 pixels, got 256: try 224 or 448"),
    ],
)
def test_sizes_that_do_not_divide_are_refused_with_sizes_that_do(name: str, size: int, advice: str):
    with pytest.raises(UnfitInputError, match=re.escape(advice)):
        build_network(name, classes=3, image_size=size)


def test_resnets_get_the_small_stem_up_to_64_pixels():
    small = build_network("resnet18", classes=10, channels=1, image_size=64)
    assert (small.conv1.kernel_size, small.conv1.stride, small.conv1.in_channels) == ((3, 3), (1, 1), 1)
    assert isinstance(small.maxpool, nn.Identity)
    large = build_network("resnet18", classes=10, channels=3, image_size=65)
    assert (large.conv1.kernel_size, large.conv1.stride) == ((7, 7), (2, 2))


def test_a_grey_patch_embedding_keeps_the_variance_of_its_input():
    network = build_network("vit_b_16", classes=10, channels=1, image_size=32)
    images = torch.randn(64, 1, 32, 32)
    # each output sums 256 pixels of unit variance
    assert float(network.conv_proj(images).detach().var()) == pytest.approx(1.0, rel=0.1)


def test_plain_tensors_load_into_a_mnasnet():
    source, target = (build_network("mnasnet0_5", classes=4) for _ in range(2))
    target.load_state_dict(dict(source.state_dict()))  # without torchvision's version beside the tensors
    assert torch.equal(source.layers[0].weight, target.layers[0].weight)


def test_published_inception_weights_get_the_range_they_expect():
    network = build_network("inception_v3", classes=3, image_size=75)
    pixels = torch.tensor([0.2, 0.5, 0.9])
    usual = (pixels - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    expected = (pixels - 0.5) / 0.5
    assert torch.allclose(network._transform_input(usual.reshape(1, 3, 1, 1)).flatten(), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_no_class_of_a_fresh_squeezenet_is_behind_a_closed_relu(name: str):
    network = build_network(name, classes=6, channels=1, image_size=48).eval()
    assert (network(torch.randn(8, 1, 48, 48)) > 0).all()
