import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from compress.weights_files.names import with_names_of_today
from models_zoo.torchvision_mend import torchvision
from models_zoo.zoo import build_network

State = dict[str, Tensor]


def on_meta(name: str, *, image_size: int = 224) -> State:
    """A network's tensors, without memory: only their names matter here."""
    with torch.device("meta"):
        return build_network(name, classes=1000, image_size=image_size).state_dict()


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_of_the_file_are_left_out(name: str):
    with torch.device("meta"):
        published = torchvision.models.get_model(name, aux_logits=True, init_weights=False).state_dict()
    assert any("aux" in key.lower() for key in published)
    wanted = on_meta(name)
    found = with_names_of_today(published, wanted)
    assert found.keys() == wanted.keys()
    assert all(tensor is published[key] for key, tensor in found.items())


def dotted(state: State) -> State:
    return {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }


def named_mlp(state: State) -> State:
    return {
        name.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): value
        for name, value in state.items()
    }


@pytest.mark.parametrize(
    ("network", "rename", "old"),
    [
        ("densenet121", dotted, "features.denseblock1.denselayer1.norm.1.weight"),
        ("vit_b_32", named_mlp, "encoder.layers.encoder_layer_0.mlp.linear_1.weight"),
    ],
)
def test_old_names_and_missing_counters(network: str, rename: Callable[[State], State], old: str):
    state = on_meta(network)
    assert old in rename(state)
    found = with_names_of_today(rename(state), state)
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name] is tensor or (name.endswith("num_batches_tracked") and found[name].item() == 0)


def test_names_that_are_wanted_or_unknown_stay():
    zero = torch.zeros(1)
    state = {"aux1.weight": zero, "other.aux1.weight": zero, "x.mlp.linear_1.bias": zero}
    wanted = {"aux1.weight": zero, "x.mlp.linear_1.bias": zero}  # a user's own network may be called like this
    assert set(with_names_of_today(state, wanted)) == {"aux1.weight", "other.aux1.weight", "x.mlp.linear_1.bias"}
    # A counter is not made up where the statistics are missing too.
    assert with_names_of_today({}, {"bn.num_batches_tracked": zero, "bn.running_mean": zero}) == {}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weight_norm_has_its_old_and_its_new_names():
    torch.manual_seed(0)
    old = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(2, 3, 1)))
    new = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(2, 3, 1)))
    images = torch.randn(1, 2, 4, 4)
    for source, target in ((old, new), (new, old)):
        found = with_names_of_today(source.state_dict(), target.state_dict())
        target.load_state_dict(found)
        torch.testing.assert_close(target(images), source(images))
        torch.nn.init.normal_(next(iter(target.parameters())))  # the next pair differs again


def test_spectral_norm_has_its_old_and_its_new_names():
    old = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 3))).eval()
    new = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 3))).eval()
    for source, target in ((old, new), (new, old)):
        found = with_names_of_today(source.state_dict(), target.state_dict())
        assert found.keys() == target.state_dict().keys()


def test_a_tied_tensor_that_the_file_has_once_gets_all_its_names():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    wanted = network.state_dict()
    once = {name: value for name, value in wanted.items() if name != "1.weight"}
    assert with_names_of_today(once, wanted)["1.weight"] is once["0.weight"]
    del once["1.bias"]  # not tied to anything
    assert "1.bias" not in with_names_of_today(once, wanted)
