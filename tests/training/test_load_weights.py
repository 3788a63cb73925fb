import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from compress.errors import BadInputError
from compress.training.load_weights import load_weights, with_names_of_today
from models_zoo.torchvision_mend import torchvision
from models_zoo.zoo import build_network

State = dict[str, Tensor]

HEAD = ("1.weight", "1.bias")


def network(*, hidden: int = 4, classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, hidden), nn.Linear(hidden, classes))


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


FORMS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "auxiliary head": lambda state: state | {"AuxLogits.fc.weight": torch.zeros(3, 4)},
}


@pytest.mark.parametrize("form", FORMS)
def test_state_dicts_are_loaded_in_every_usual_form(tmp_path: Path, form: str):
    source, target = network(), network()
    state = FORMS[form](source.state_dict())
    files = [saved(tmp_path / "w.pt", state)]
    if form not in ("state_dict", "model"):
        save_file(state, tmp_path / "w.safetensors")
        files.append(tmp_path / "w.safetensors")
    for file in files:
        assert load_weights(target, file, head=HEAD) is False
        torch.testing.assert_close(target.state_dict(), source.state_dict(), rtol=0, atol=0)


def test_another_number_of_classes_leaves_the_head_fresh(tmp_path: Path):
    source, target = network(classes=9), network(classes=3)
    head = target[1].weight.clone()
    assert load_weights(target, saved(tmp_path / "w.pt", source.state_dict()), head=HEAD) is True
    assert torch.equal(target[1].weight, head)
    assert torch.equal(target[0].weight, source[0].weight)


def test_the_error_names_missing_unexpected_and_misshapen_and_loads_nothing(tmp_path: Path):
    state = network(hidden=6).state_dict()
    state["2.extra"] = torch.zeros(1)
    del state["0.bias"]
    target = network()
    before = target[1].bias.clone()
    with pytest.raises(BadInputError) as error:
        load_weights(target, saved(tmp_path / "w.pt", state), head=HEAD)
    text = str(error.value)
    assert "missing: 0.bias" in text
    assert "unexpected: 2.extra" in text
    assert "0.weight is (6, 2), expected (4, 2)" in text
    assert torch.equal(target[1].bias, before)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    with pytest.raises(BadInputError, match="loading it would run code, which is refused"):
        load_weights(network(), saved(tmp_path / "w.pt", {"0.weight": Trap()}), head=HEAD)
    for protocol in (2, pickle.DEFAULT_PROTOCOL):
        (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(), protocol=protocol))
        with pytest.raises(BadInputError, match="loading it would run code, which is refused"):
            load_weights(network(), tmp_path / "plain.pt", head=HEAD)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": torch.tensor([0.0, float("nan"), 0.0, 0.0])}, r"holds NaN or infinity in 0\.bias"),
        ({"epoch": 3}, "holds no state dict"),
    ],
)
def test_other_values_than_finite_tensors_are_refused(tmp_path: Path, change: dict[str, object], message: str):
    with pytest.raises(BadInputError, match=message):
        load_weights(network(), saved(tmp_path / "w.pt", network().state_dict() | change), head=HEAD)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"broken\n", b"PK\x03\x04broken"])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=name):
        load_weights(network(), tmp_path / name, head=HEAD)
    with pytest.raises(BadInputError, match="no weights file at"):
        load_weights(network(), tmp_path / "absent.pt", head=HEAD)


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
    wanted = {"aux1.weight", "x.mlp.linear_1.bias"}  # a user's own network may be called like this
    assert set(with_names_of_today(state, wanted)) == {"aux1.weight", "other.aux1.weight", "x.mlp.linear_1.bias"}
    # A counter is not made up where the statistics are missing too.
    assert with_names_of_today({}, {"bn.num_batches_tracked", "bn.running_mean"}) == {}
