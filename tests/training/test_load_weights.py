import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from compress.errors import BadInputError
from compress.training.load_weights import load_weights

HEAD = ("1.weight", "1.bias")


def network(*, hidden: int = 4, classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, hidden), nn.Linear(hidden, classes))


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}])
def test_state_dicts_are_loaded_strictly(tmp_path: Path, wrapped):
    source, target = network(), network()
    assert load_weights(target, saved(tmp_path / "w.pt", wrapped(source.state_dict())), head=HEAD) is False
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), target.parameters(), strict=True))


def test_safetensors_and_data_parallel_names(tmp_path: Path):
    source, target = network(), network()
    save_file({f"module.{name}": value for name, value in source.state_dict().items()}, tmp_path / "w.safetensors")
    assert load_weights(target, tmp_path / "w.safetensors", head=HEAD) is False
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), target.parameters(), strict=True))


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
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(BadInputError):
        load_weights(network(), tmp_path / "plain.pt", head=HEAD)
    assert not (tmp_path / "sprung").exists()


def test_nan_is_named(tmp_path: Path):
    state = network().state_dict()
    state["0.bias"][1] = float("nan")
    with pytest.raises(BadInputError, match=r"holds NaN or infinity in 0\.bias"):
        load_weights(network(), saved(tmp_path / "w.pt", state), head=HEAD)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"broken\n", b"PK\x03\x04broken"])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=name):
        load_weights(network(), tmp_path / name, head=HEAD)
    with pytest.raises(BadInputError, match="no weights file at"):
        load_weights(network(), tmp_path / "absent.pt", head=HEAD)


def test_other_values_than_tensors_are_refused(tmp_path: Path):
    with pytest.raises(BadInputError, match="holds no state dict"):
        load_weights(network(), saved(tmp_path / "w.pt", {"epoch": 3}), head=HEAD)


def test_a_published_file_with_an_auxiliary_head_loads(tmp_path: Path):
    target = network()
    state = network().state_dict() | {"AuxLogits.fc.weight": torch.zeros(3, 4)}
    assert load_weights(target, saved(tmp_path / "w.pt", state), head=HEAD) is False
    assert torch.equal(target[0].weight, state["0.weight"])
