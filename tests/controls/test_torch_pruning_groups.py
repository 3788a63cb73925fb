import pytest
import torch
from torch import nn

from compress.channels.units import find_units
from compress.controls.torch_pruning_groups import matching_groups
from compress.errors import UsageError
from models_zoo.zoo import build_network
from tests.helpers.networks import image_batch
from tests.helpers.odd_networks import BUILDERS


def groups_of(network, example):
    units = find_units(network, example)
    return units, matching_groups(network, units, example[:1])


@pytest.mark.parametrize(
    "name",
    ["plain", "residual", "concat", "depthwise", "flatten to linear", "squeeze and excite", "transposed",
     "shortcut padded with zeros", "a stream with layer scale", "conv1d over rows"],
)  # fmt: skip
def test_torch_prunings_groups_tie_the_same_channels(name):
    units, groups = groups_of(BUILDERS[name](), image_batch())
    assert [len(group[0].idxs) for group in groups] == [group.size for group in units.groups]
    assert [group[0].root_idxs for group in groups] == [list(range(group.size)) for group in units.groups]


def test_channels_that_do_not_exist_are_left_out_of_a_padded_shortcut():
    """Of ``more``'s 12 channels the last four have no partner in the stem: torch-pruning lists 8 to 11 of its 8."""
    units, groups = groups_of(BUILDERS["shortcut padded with zeros"](), image_batch())
    added = groups[[group.root for group in units.groups].index("more[8:12]")]
    layers = [item for item in added.items if isinstance(item.dep.target.module, nn.Conv2d)]
    listed = {item.dep.target.name.split()[0]: item.idxs for item in layers}
    assert listed == {"more": [8, 9, 10, 11], "last": [8, 9, 10, 11]}


def groups_of_architecture(name, size):
    return groups_of(build_network(name, classes=10, image_size=size).eval(), torch.randn(2, 3, size, size))


@pytest.mark.parametrize(("arch", "size"), [("squeezenet", 48), ("resnet18", 32), ("resnet20", 32)])
def test_whole_networks_map_fully(arch, size):
    units, groups = groups_of_architecture(arch, size)
    assert len(groups) == len(units.groups)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "size"),
    [("vgg11_bn", 32), ("alexnet", 64), ("resnet50", 32), ("densenet121", 32), ("googlenet", 32), ("inception_v3", 80),
     ("mobilenet_v2", 32), ("mobilenet_v3_small", 32), ("efficientnet_b0", 32), ("mnasnet1_0", 32),
     ("convnext_tiny", 32)],
)  # fmt: skip
def test_networks_that_the_card_names_map_fully(arch, size):
    units, groups = groups_of_architecture(arch, size)
    assert len(groups) == len(units.groups)


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["shufflenet_v2_x1_0", "regnet_y_400mf"])
def test_networks_that_the_card_excludes_are_refused(arch):
    with pytest.raises(UsageError, match="singly"):
        groups_of_architecture(arch, 32)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("grouped", "takes the channels of layer 0 singly, and 3 have to go together"),
        ("channel shuffle", "takes the channels of layer stem singly, and 2 have"),
        ("depthwise multiplier", "ties other channels of layer deep to those of stem than a cut needs"),
        ("unequal split by widths of layers", "ties other channels of layer last to those of stem"),
        ("a buffer", "ties other channels of layer mean to those of stem"),
    ],
)
def test_a_network_that_its_graph_does_not_follow_is_refused_with_the_layer_and_the_reason(name, reason):
    with pytest.raises(UsageError, match=rf"tp-\* cannot be used: torch-pruning {reason}.*; try --method taylor"):
        groups_of(BUILDERS[name](), image_batch())


def test_an_error_in_its_tracing_is_the_reason():
    network = BUILDERS["plain"]()
    units = find_units(network, image_batch())
    with pytest.raises(UsageError, match=r"cannot follow the network \(RuntimeError: .*channels"):
        matching_groups(network, units, torch.randn(1, 7, 12, 12))
