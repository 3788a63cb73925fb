"""The CIFAR networks against their papers: parameters and MACs by formulas of this file, and what can be pruned."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from compress.structure.remove import remove_units
from compress.structure.trial_cuts import find_checked_units
from models_zoo.cifar import CIFAR, BasicBlock, PaddedShortcut
from models_zoo.zoo import build_network

BLOCKS = {"resnet20": 3, "resnet32": 5, "resnet56": 9, "resnet110": 18}
HE = {"resnet20": 0.27, "resnet32": 0.46, "resnet56": 0.85, "resnet110": 1.7}  # millions of parameters, table 6
FIELD = {"resnet20": 40.55, "resnet56": 125.49, "resnet110": 252.89}  # millions of MACs that pruning papers quote
VGG = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
VGG_SIDES = [32, 32, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2]


def convolutions(name: str) -> list[tuple[int, int, int]]:
    """(in, out, side of the output) of every 3x3 convolution, for RGB images of 32 pixels."""
    if name in BLOCKS:
        twice = 2 * BLOCKS[name]
        sixteen, more, most = [(16, 16, 32)] * twice, [(32, 32, 16)] * (twice - 1), [(64, 64, 8)] * (twice - 1)
        return [(3, 16, 32), *sixteen, (16, 32, 16), *more, (32, 64, 8), *most]
    return list(zip([3, *VGG[:-1]], VGG, VGG_SIDES, strict=True))


def linears(name: str) -> list[tuple[int, int]]:
    return [(64, 10)] if name in BLOCKS else [(512, 512), (512, 10)]


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name, classes=10, image_size=32)


@pytest.mark.parametrize("name", CIFAR)
def test_parameters_are_those_of_the_layers_that_the_paper_lists(name: str):
    weights = sum(9 * into * out for into, out, _ in convolutions(name)) + sum(a * b for a, b in linears(name))
    biases = sum(out for _, out in linears(name))
    norms = 2 * sum(out for _, out, _ in convolutions(name)) + (0 if name in BLOCKS else 2 * 512)
    found = sum(parameter.numel() for parameter in built(name).parameters())
    assert found == weights + biases + norms
    thousand = sum(parameter.numel() for parameter in build_network(name, classes=1000, image_size=32).parameters())
    assert CIFAR[name].parameters == thousand
    if name in HE:
        assert found / 1e6 == pytest.approx(HE[name], abs=0.03 if name == "resnet110" else 0.005)
    else:
        assert weights / 1e6 == pytest.approx(14.98, abs=0.005)  # as quoted, without biases and BatchNorm
    exact = {"resnet20": 269_722, "resnet32": 464_154, "resnet56": 853_018, "resnet110": 1_727_962}
    assert found == exact.get(name, 14_987_722)


@pytest.mark.parametrize("name", CIFAR)
def test_macs_are_those_that_pruning_papers_quote(name: str):
    products = sum(9 * into * out * side**2 for into, out, side in convolutions(name))
    products += sum(into * out for into, out in linears(name))
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build_network(name, classes=10, image_size=32).eval()(torch.empty(1, 3, 32, 32))
    assert counter.get_total_flops() == 2 * products  # a product and a sum each
    if name in FIELD:
        assert products / 1e6 == pytest.approx(FIELD[name], abs=0.005)
    elif name == "vgg16_bn_cifar":
        assert products / 1e6 == pytest.approx(313, abs=0.5)  # 3.13e8 in table 2 of Li et al.


@pytest.mark.parametrize(("name", "layers"), [("resnet20", 20), ("resnet110", 110), ("vgg16_bn_cifar", 15)])
def test_the_name_is_the_number_of_layers(name: str, layers: int):
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in built(name).modules()) == layers


def test_a_shortcut_takes_every_second_pixel_and_adds_zeros_behind():
    features = torch.arange(18.0).reshape(1, 2, 3, 3)
    found = PaddedShortcut(stride=2)(features, channels=3)
    assert found.tolist() == [[[[0, 2], [6, 8]], [[9, 11], [15, 17]], [[0, 0], [0, 0]]]]


def test_a_block_is_two_convolutions_and_its_shortcut():
    block = BasicBlock(2, 4, stride=2).eval()
    features = torch.rand(1, 2, 5, 5)
    first = F.conv2d(features, block.conv1.weight, stride=2, padding=1) / (1 + 1e-5) ** 0.5
    second = F.conv2d(first.relu(), block.conv2.weight, padding=1) / (1 + 1e-5) ** 0.5
    second[:, :2] += features[:, :, ::2, ::2]
    torch.testing.assert_close(block(features), second.relu())


@pytest.mark.parametrize("name", ["resnet20", "vgg16_bn_cifar"])
def test_fresh_weights_are_hes_and_the_same_for_a_seed(name: str):
    network, same = built(name), built(name)
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), same.parameters(), strict=True))
    wide = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.in_channels >= 64]
    for layer in wide:
        assert float(layer.weight.detach().var()) == pytest.approx(2 / (9 * layer.in_channels), rel=0.05)
    heads = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert all(not layer.bias.any() for layer in heads)


@pytest.mark.parametrize("name", ["resnet20", "vgg16_bn_cifar"])
@pytest.mark.parametrize(("channels", "size"), [(1, 16), (3, 33), (1, 64)])
def test_logits_and_gradients_for_other_images(name: str, channels: int, size: int):
    network = build_network(name, classes=7, channels=channels, image_size=size)
    logits = network(torch.randn(2, channels, size, size))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


RESIDUAL = {"conv1": 16, "layer2.0.conv2[16:32]": 16, "layer3.0.conv2[32:64]": 32}  # with all that is added to them


def first_of_blocks(blocks: int) -> dict[str, int]:
    widths = {1: 16, 2: 32, 3: 64}
    return {f"layer{stage}.{block}.conv1": width for stage, width in widths.items() for block in range(blocks)}


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("resnet20", RESIDUAL | first_of_blocks(3)),
        pytest.param("resnet32", RESIDUAL | first_of_blocks(5), marks=pytest.mark.slow),
        pytest.param("resnet56", RESIDUAL | first_of_blocks(9), marks=pytest.mark.slow),
        ("vgg16_bn_cifar", None),
    ],
)
def test_every_channel_but_the_heads_is_pruned_and_masked_is_physical(name: str, groups: dict[str, int] | None):
    network = built(name)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):  # a bias of 0 would not be missed
            nn.init.normal_(layer.bias)
    images = torch.randn(4, 3, 32, 32)
    units = find_checked_units(network, images, seed=0)
    assert dict(units.not_pruned_before_head) == {}
    sizes = {group.root: group.units.stop - group.units.start for group in units.groups}
    if groups is None:
        assert list(sizes.values()) == [*VGG, 512]  # and the first linear layer
    else:
        assert sizes == groups
    removed = remove_units(network, units, torch.rand(units.total) < 0.5, images)  # raises where they differ
    logits = removed.network.eval()(images)
    assert removed.max_abs_difference <= 1e-4
    spread = float((logits.amax(0) - logits.amin(0)).detach().max())
    assert spread > 100 * removed.max_abs_difference  # equality says nothing if the logits hardly depend on the image
