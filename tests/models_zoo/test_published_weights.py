"""Files as torchvision published them over the years, written here from its networks of today."""

import re

import pytest
import torch
from torch import Tensor, nn

from models_zoo.published_weights import with_names_of_today
from models_zoo.torchvision_mend import torchvision
from models_zoo.zoo import build_network


def loaded(name: str, published: dict[str, Tensor], *, image_size: int = 224) -> nn.Module:
    network = build_network(name, classes=1000, image_size=image_size)
    network.load_state_dict(with_names_of_today(published, network.state_dict()))
    return network


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_of_the_file_are_left_out(name: str):
    with_heads = torchvision.models.get_model(name, aux_logits=True, init_weights=False)
    published = with_heads.state_dict()
    assert any("aux" in key.lower() for key in published)
    network = loaded(name, published, image_size=75)
    assert torch.equal(network.fc.weight, with_heads.fc.weight)


def test_densenets_dotted_names_and_missing_counters():
    source = build_network("densenet121", classes=1000)
    published = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): value
        for name, value in source.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in published
    found = loaded("densenet121", published).state_dict()
    assert all(torch.equal(value, found[name]) for name, value in source.state_dict().items())


def test_vits_named_mlp_layers():
    source = build_network("vit_b_32", classes=1000, image_size=32)
    published = {
        name.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): value
        for name, value in source.state_dict().items()
    }
    assert "encoder.layers.encoder_layer_0.mlp.linear_1.weight" in published
    network = loaded("vit_b_32", published, image_size=32)
    assert torch.equal(network.encoder.layers[3].mlp[3].weight, source.encoder.layers[3].mlp[3].weight)


def test_names_that_are_wanted_or_unknown_stay():
    zero = torch.zeros(1)
    state = {"aux1.weight": zero, "other.aux1.weight": zero, "x.mlp.linear_1.bias": zero}
    wanted = {"aux1.weight", "x.mlp.linear_1.bias"}  # a user's own network may be called like this
    assert set(with_names_of_today(state, wanted)) == {"aux1.weight", "other.aux1.weight", "x.mlp.linear_1.bias"}


def test_a_counter_is_not_made_up_where_the_statistics_are_missing_too():
    assert with_names_of_today({}, {"bn.num_batches_tracked", "bn.running_mean"}) == {}
