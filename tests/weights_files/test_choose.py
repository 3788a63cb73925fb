from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from compress.errors import BadInputError
from compress.weights_files.choose import Choice, choose_weights
from compress.weights_files.read import read_weights_file

State = dict[str, Tensor]


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))


def under(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def chosen(tmp_path: Path, saved: object, *, wanted: nn.Module | None = None, key: str | None = None) -> Choice:
    torch.save(saved, tmp_path / "w.pt")
    return choose_weights(
        read_weights_file(tmp_path / "w.pt"), (wanted or network()).state_dict(), key=key, file="w.pt"
    )


def assert_same(found: State, expected: State) -> None:
    torch.testing.assert_close(found, dict(expected), rtol=0, atol=0)


WRAPPED: dict[str, tuple[Callable[[State], object], str]] = {
    "torch.compile": (lambda state: under("_orig_mod.", state), "_orig_mod"),
    "compiled, then distributed": (lambda state: under("module._orig_mod.", state), "module"),
    "distributed, then compiled": (lambda state: under("_orig_mod.module.", state), "_orig_mod"),
    "a compiled part": (
        lambda state: {name.replace("3.", "3._orig_mod."): value for name, value in state.items()},
        "_orig_mod",
    ),
    "Lightning": (lambda state: {"state_dict": under("net.", state), "epoch": 3}, "state_dict.net"),
    "MoCo": (lambda state: {"state_dict": under("module.encoder_q.", state)}, "state_dict.encoder_q"),
    "DeepSpeed": (lambda state: {"module": state, "lr": 0.1}, "module"),
    "Hugging Face": (lambda state: under("resnet.", state), "resnet"),
    "optimizer beside it": (
        lambda state: {"net": state, "optimizer": {"state": {0: {"exp_avg": torch.zeros(4)}}}},
        "net",
    ),
    "thop's counts": (
        lambda state: {"net": state | {"total_ops": torch.zeros(1), "0.total_ops": torch.zeros(1)}},
        "net",
    ),
}


@pytest.mark.parametrize("form", WRAPPED)
def test_the_network_is_found_in_what_wraps_it_and_a_note_says_where(tmp_path: Path, form: str):
    wrap, named = WRAPPED[form]
    state = network(1).state_dict()
    found = chosen(tmp_path, wrap(state))
    assert_same(found.state, state)
    assert any(named in note for note in found.notes)


def test_a_plain_state_dict_needs_no_note(tmp_path: Path):
    assert chosen(tmp_path, network(1).state_dict()).notes == ()


def test_names_of_the_networks_own_are_never_cut(tmp_path: Path):
    own = nn.Sequential()
    own.add_module("module", network())
    state = own.state_dict()
    for saved in (state, under("module.", state), network().state_dict()):
        found = chosen(tmp_path, saved, wanted=own)
        assert_same(found.state, under("module.", network().state_dict()))


def test_a_base_model_fits_a_network_that_contains_it(tmp_path: Path):
    own = nn.ModuleDict({"backbone": network(), "head": nn.Linear(3, 2)})
    assert_same(
        chosen(tmp_path, network(1).state_dict(), wanted=own).state, under("backbone.", network(1).state_dict())
    )


def test_state_dicts_of_parts_are_put_together(tmp_path: Path):
    own = nn.ModuleDict({"body": network(), "head": nn.Linear(3, 2)})
    parts = {"body": network(1).state_dict(), "head": own["head"].state_dict(), "epoch": 4}
    assert_same(
        chosen(tmp_path, parts, wanted=own).state,
        under("body.", network(1).state_dict()) | under("head.", parts["head"]),
    )


AVERAGED: dict[str, Callable[[State, State], object]] = {
    "state_dict_ema": lambda raw, mean: {"state_dict": raw, "state_dict_ema": mean},
    "model_ema": lambda raw, mean: {
        "model_ema": under("module.", mean) | {"n_averaged": torch.tensor(2)},
        "model": raw,
    },
    "ema": lambda raw, mean: under("net.", raw) | under("ema.", mean),
}


@pytest.mark.parametrize("key", AVERAGED)
def test_averaged_weights_come_before_raw_ones_unless_a_key_names_others(tmp_path: Path, key: str):
    raw, mean = network(1).state_dict(), network(2).state_dict()
    saved = AVERAGED[key](raw, mean)
    found = chosen(tmp_path, saved)
    assert_same(found.state, mean)
    assert f"taken: {key}, averaged weights" in found.notes[-1]
    other = found.notes[-1].partition("--weights-key ")[2].partition(" ")[0]
    assert_same(chosen(tmp_path, saved, key=other).state, raw)
    assert_same(chosen(tmp_path, saved, key=key).state, mean)
    with pytest.raises(BadInputError, match=rf"no tensors under 'best'; it has .*{key}"):
        chosen(tmp_path, saved, key="best")


def test_only_what_was_dropped_from_the_chosen_names_is_noted(tmp_path: Path):
    raw, mean = network(1).state_dict(), network(2).state_dict()
    saved = {"model": raw, "model_ema": under("module.", mean)}
    noted = chosen(tmp_path, saved).notes
    assert [note for note in noted if "is dropped" in note] == [
        '"module." is dropped from the names in w.pt (DataParallel, DistributedDataParallel or AveragedModel)'
    ]
    assert chosen(tmp_path, saved, key="model").notes == ("the weights are those under model in w.pt",)


def test_an_averaged_model_is_read_with_its_counter(tmp_path: Path):
    averaged = AveragedModel(network(1))
    assert_same(chosen(tmp_path, averaged.state_dict()).state, network(1).state_dict())


def test_tensors_beside_the_network_are_named(tmp_path: Path):
    state = under("model.", network(1).state_dict()) | {"criterion.weight": torch.ones(3)}
    found = chosen(tmp_path, {"state_dict": state})
    assert_same(found.state, network(1).state_dict())
    assert "left out of w.pt" in found.notes[1]
    assert "state_dict.criterion.weight" in found.notes[1]


def test_a_network_of_the_right_shapes_comes_before_one_of_the_same_names(tmp_path: Path):
    teacher = nn.Sequential(nn.Conv2d(3, 9, 3), nn.BatchNorm2d(9), nn.Flatten(), nn.Linear(9, 3))
    saved = {"teacher": teacher.state_dict(), "student": network(1).state_dict()}
    assert_same(chosen(tmp_path, saved).state, network(1).state_dict())
