import pytest
import torch
from torch import nn

from compress.channels.units import find_units, nothing_to_prune, without_names
from compress.errors import UsageError
from tests.helpers.networks import CLASSES, NETWORKS, image_batch, with_units
from tests.helpers.odd_networks import found


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_that_feeds_the_output_is_a_unit(name: str):
    network, units = with_units(name)
    *_, head = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert head not in units.carries
    assert "output" in units.not_pruned[head]
    assert units.rounds == {}  # samples come first everywhere


@pytest.mark.parametrize(
    ("name", "groups", "reads", "carries"),
    [
        # the addition ties stem and block
        ("residual", {"stem": 8, "inner": 7}, {"inner": range(8), "head": range(8), "outer": range(8, 15)},
         {"outer": range(8), "norm": range(8)}),
        # one group after the other
        ("concat", {"squeeze": 6, "left": 5, "right": 7}, {"head": range(6, 18)}, {}),
        # every pixel of a channel
        ("flatten to linear", {"0": 6, "3": 10}, {"3": [channel for channel in range(6) for _pixel in range(16)]}, {}),
        # every place in a window
        ("windows as columns", {"stem": 8, "last": 6}, {"last": [c for c in range(8) for _place in range(3 * 3)]}, {}),
        # the same positions of every group are tied
        ("grouped", {"0": 4, "3": 3, "5": 8}, {"3": [0, 1, 2, 3] * 3}, {"3": [4, 5, 6] * 3}),
        # a depthwise convolution carries units and reads none, and neither are the image's channels units
        ("depthwise", {"0": 10, "6": 6}, {"0": None, "3": None}, {"3": range(10)}),
    ],
)  # fmt: skip
def test_hand_worked_units(name: str, groups: dict, reads: dict, carries: dict):
    _, units = found(name)
    assert {group.root: group.size for group in units.groups} == groups
    for side, expected in ((units.reads, reads), (units.carries, carries)):
        for layer, channels in expected.items():
            assert layer not in side if channels is None else side[layer].tolist() == list(channels)
    if name == "grouped":
        assert (units.groups[0].tied, units.groups[0].channels(torch.tensor([1, 3]))) == (3, [1, 3, 5, 7, 9, 11])


def test_a_network_of_one_layer_has_nothing_to_prune():
    with pytest.raises(UsageError, match=r"nothing can be pruned .*output"):
        find_units(nn.Sequential(nn.Flatten(), nn.Linear(288, CLASSES)), image_batch())


def test_the_same_reason_of_layers_of_a_kind():
    assert without_names("mean runs over it in stages.7.mlp.grn") == "mean runs over it in ..."
    assert without_names("LayerNorm a.norm normalises over it") == "LayerNorm ... normalises over it"


def test_a_refusal_names_one_layer_of_each_kind():
    likewise = {f"blocks.{place}.fc": f"mean runs over it in blocks.{place}.grn" for place in range(6)}
    error = nothing_to_prune({"stem": "LayerNorm stem.1 normalises over it"} | likewise)
    assert str(error) == (
        "nothing can be pruned in this network (stem: LayerNorm stem.1 normalises over it; "
        "blocks.0.fc: mean runs over it in blocks.0.grn; 5 more layers for the same or other reasons)"
    )
    assert "no layer makes channels" in str(nothing_to_prune({}))
