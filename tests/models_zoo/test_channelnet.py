import pytest
import torch
from torch import nn

from models_zoo.architecture import UnfitInputError
from models_zoo.channelnet import ChannelWise, ConvolutionalClassifier
from models_zoo.zoo import build_network

PAPER = {"channelnet_v1": 3.7e6, "channelnet_v2": 2.7e6, "channelnet_v3": 1.7e6}


@pytest.mark.parametrize(("name", "parameters"), PAPER.items())
def test_parameters_at_1000_classes_are_the_papers(name: str, parameters: float):
    network = build_network(name, classes=1000, image_size=224)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.02)
    assert network.eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


def test_v2_saves_a_pointwise_convolution_and_v3_the_class_layer():
    v1, v2, v3 = (sum(p.numel() for p in build_network(name, classes=1000).parameters()) for name in PAPER)
    assert v1 - v2 == 1024 * 1024 - 64
    assert v2 - v3 == 1000 * 1024 + 1000 - 9 * (1024 + 1016 + 1008) - 3 * 3 * 3 * 9


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("size", [16, 28, 64, 97])
def test_logits_and_gradients_at_any_size(name: str, size: int):
    network = build_network(name, classes=7, channels=1, image_size=size)
    logits = network(torch.randn(2, 1, size, size))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_filter_moves_along_the_channels():
    layer = ChannelWise(filters=2, size=4)
    nn.init.zeros_(layer.conv.weight)
    layer.conv.weight.data[0, 0, 1] = 1.0  # the first filter takes channel 2i, the second the sum of 2i and 2i + 1
    layer.conv.weight.data[1, 0, 1:3] = 1.0
    features = torch.tensor([1.0, 10.0, 100.0, 1000.0]).reshape(1, 4, 1, 1).expand(1, 4, 2, 3)
    found = layer(features)
    assert found.shape == (1, 4, 2, 3)
    assert found[0, :, 1, 2].tolist() == [1.0, 100.0, 11.0, 1100.0]


def test_the_group_modules_mix_the_halves_only_where_they_exchange():
    network = build_network("channelnet_v1", classes=7, image_size=64).eval()
    for place, mixes in ((7, False), (8, True), (9, True)):
        features = torch.zeros(1, 512, 1, 1, requires_grad=True)
        network[place](features)[0, :256].sum().backward()
        assert bool(features.grad[0, 256:].abs().sum() > 0) is mixes


def test_the_class_layer_takes_channels_and_pixels_away():
    layer = ConvolutionalClassifier(20, classes=5, pixels=3)
    kernels = [tuple(step.weight.shape[2:]) for step in layer.steps if isinstance(step, nn.Conv3d)]
    assert kernels == [(6, 2, 2), (6, 2, 2), (6, 1, 1)]
    assert layer(torch.randn(2, 20, 3, 3)).shape == (2, 5)


def test_v3_has_as_many_classes_as_channels_at_most():
    with pytest.raises(UnfitInputError, match="channelnet_v3 has at most 1024 classes, got 1025: try channelnet_v2"):
        build_network("channelnet_v3", classes=1025)
    most = build_network("channelnet_v3", classes=1024, image_size=32).eval()
    assert most(torch.zeros(1, 3, 32, 32)).shape == (1, 1024)
