import pytest
import torch
from torch import nn

from compress.channels.units import find_units, nothing_to_prune, without_names
from compress.errors import UsageError
from tests.helpers.networks import CLASSES, NETWORKS, built, image_batch, pooled, unchanged, with_units


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_that_feeds_the_output_is_a_unit(name: str):
    network, units = with_units(name)
    *_, head = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert head not in units.carries
    assert "output" in units.not_pruned[head]


def test_residual_addition_ties_stem_and_block():
    _, units = with_units("residual")
    assert [(group.root, group.size) for group in units.groups] == [("stem", 8), ("inner", 7)]
    assert units.total == 15
    assert units.reads["inner"].tolist() == units.reads["head"].tolist() == list(range(8))
    assert units.carries["outer"].tolist() == units.carries["norm"].tolist() == list(range(8))
    assert units.reads["outer"].tolist() == list(range(8, 15))


def test_concat_reads_two_groups_one_after_the_other():
    _, units = with_units("concat")
    first = {group.root: group.first for group in units.groups}
    expected = [*range(first["left"], first["left"] + 5), *range(first["right"], first["right"] + 7)]
    assert units.reads["head"].tolist() == expected


def test_flatten_reads_every_pixel_of_a_channel():
    _, units = with_units("flatten to linear")
    assert units.reads["3"].tolist() == [channel for channel in range(6) for _pixel in range(16)]


def test_grouped_convolution_ties_the_same_position_of_every_group():
    _, units = with_units("grouped")
    stem = units.groups[0]
    assert (stem.root, stem.size, stem.tied) == ("0", 4, 3)
    assert stem.channels(torch.tensor([1, 3])) == [1, 3, 5, 7, 9, 11]
    assert units.reads["3"].tolist() == [0, 1, 2, 3] * 3
    assert units.carries["3"].tolist() == [4, 5, 6] * 3


def test_depthwise_convolution_carries_units_and_reads_none():
    _, units = with_units("depthwise")
    assert "3" not in units.reads
    assert units.carries["3"].tolist() == list(range(10))


def test_the_input_image_is_never_a_unit():
    _, units = with_units("plain")
    assert "0" not in units.reads


def test_a_normalised_stream_is_not_pruned_with_the_reason():
    network = nn.Sequential(nn.Conv2d(2, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 6, 3), *pooled(6))
    units = find_units(network, image_batch())
    assert [group.root for group in units.groups] == ["2"]
    assert "GroupNorm 1 normalises over it" in units.not_pruned["0"]


def test_a_network_of_one_layer_has_nothing_to_prune():
    with pytest.raises(UsageError, match=r"nothing can be pruned .*output"):
        find_units(nn.Sequential(nn.Flatten(), nn.Linear(288, CLASSES)), image_batch())


def test_finding_units_changes_nothing():
    network = built("plain").train()
    network[1].eval()
    with unchanged(network):
        find_units(network, image_batch())


def test_the_same_reason_of_layers_of_a_kind():
    assert without_names("mean runs over it in stages.0.mlp.grn") == without_names(
        "mean runs over it in stages.7.mlp.grn"
    )
    assert without_names("LayerNorm a.norm normalises over it") == "LayerNorm ... normalises over it"


def test_a_refusal_names_one_layer_of_each_kind():
    likewise = {f"blocks.{place}.fc": f"mean runs over it in blocks.{place}.grn" for place in range(6)}
    error = nothing_to_prune({"stem": "LayerNorm stem.1 normalises over it"} | likewise)
    assert str(error) == (
        "nothing can be pruned in this network (stem: LayerNorm stem.1 normalises over it; "
        "blocks.0.fc: mean runs over it in blocks.0.grn; 5 more layers for the same or other reasons)"
    )
    assert "no layer makes channels" in str(nothing_to_prune({}))
