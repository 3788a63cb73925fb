import pytest
import torch
from torch import nn

from compress.channels.units import find_units
from compress.errors import UsageError
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_that_feeds_the_output_is_a_unit(name: str):
    network = built(name)
    units = find_units(network, image_batch())
    layers = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert layers[-1] in units.not_pruned
    assert layers[-1] not in units.carries
    assert "output" in units.not_pruned[layers[-1]]


def test_residual_addition_ties_stem_and_block():
    units = find_units(built("residual"), image_batch())
    assert [(group.root, group.size) for group in units.groups] == [("stem", 8), ("inner", 7)]
    assert units.total == 15
    assert units.reads["inner"].tolist() == units.reads["head"].tolist() == list(range(8))
    assert units.carries["outer"].tolist() == units.carries["norm"].tolist() == list(range(8))
    assert units.reads["outer"].tolist() == list(range(8, 15))


def test_concat_reads_two_groups_one_after_the_other():
    units = find_units(built("concat"), image_batch())
    first = {group.root: group.first for group in units.groups}
    expected = [*range(first["left"], first["left"] + 5), *range(first["right"], first["right"] + 7)]
    assert units.reads["head"].tolist() == expected


def test_flatten_reads_every_pixel_of_a_channel():
    units = find_units(built("flatten to linear"), image_batch())
    assert units.reads["3"].tolist() == [channel for channel in range(6) for _pixel in range(16)]


def test_grouped_convolution_ties_the_same_position_of_every_group():
    units = find_units(built("grouped"), image_batch())
    stem = units.groups[0]
    assert (stem.root, stem.size, stem.tied) == ("0", 4, 3)
    assert stem.channels(torch.tensor([1, 3])) == [1, 3, 5, 7, 9, 11]
    assert units.reads["3"].tolist() == [0, 1, 2, 3] * 3
    assert units.carries["3"].tolist() == [4, 5, 6] * 3


def test_depthwise_convolution_carries_units_and_reads_none():
    units = find_units(built("depthwise"), image_batch())
    assert "3" not in units.reads
    assert units.carries["3"].tolist() == list(range(10))


def test_the_input_image_is_never_a_unit():
    units = find_units(built("plain"), image_batch())
    assert "0" not in units.reads


def test_a_normalised_stream_is_not_pruned_with_the_reason():
    network = nn.Sequential(
        nn.Conv2d(2, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 6, 3), nn.Flatten(), nn.Linear(6 * 64, CLASSES)
    )
    units = find_units(network, image_batch())
    assert [group.root for group in units.groups] == ["2"]
    assert "GroupNorm 1 normalises over it" in units.not_pruned["0"]


def test_a_network_of_one_layer_has_nothing_to_prune():
    with pytest.raises(UsageError, match=r"nothing can be pruned .*output"):
        find_units(nn.Sequential(nn.Flatten(), nn.Linear(288, CLASSES)), image_batch())


def test_finding_units_leaves_mode_and_weights():
    network = built("plain").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    find_units(network, image_batch())
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
